"""The marks of the eight slots."""

from tui.drawing.marks import BEST, LAST, NO_SLOT, faint_role_of, hollow_of, lowest_free, mark_of, role_of
from tui.drawing.palette import DARK, SLOTS, looks


def test_the_second_round_of_shapes_adds_the_first_letter_of_the_id():
    marks = [mark_of(slot, "20261122-101530-k3f9") for slot in range(SLOTS)]
    assert marks == ["●", "■", "▲", "◆", "▼", "●k", "■k", "▲k"]
    assert len(LAST) == len(BEST) == SLOTS and hollow_of(3) == "◇"


def test_every_slot_has_its_color_and_a_run_without_a_slot_has_none():
    assert all(role in looks(DARK) for slot in range(SLOTS) for role in (role_of(slot), faint_role_of(slot)))
    assert mark_of(None) == NO_SLOT and role_of(None) == "dim" and hollow_of(None) == NO_SLOT


def test_the_lowest_slot_is_taken_first():
    assert lowest_free(set()) == 0 and lowest_free({0, 2}) == 1 and lowest_free(set(range(SLOTS))) is None
