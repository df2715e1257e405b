"""Lines of styled text: width, truncation, headings, wrapping."""

import pytest
from rich.cells import cell_len

from tests.tui.reading import line_of
from tui.drawing.lines import clip, fit, heading, hints, part_at, width_of, wrap


def test_a_heading_takes_the_longest_right_part_that_fits():
    assert line_of(heading("a", 20, ["much too long for this", "short"])) == "━ a ──────── short ─"
    assert line_of(heading("a", 10, ["much too long"])) == "━ a ──────"


def test_a_wide_character_takes_two_cells():
    assert width_of([("猫", ""), ("cat", "dim")]) == 5
    assert fit("猫猫猫", 4) == "猫 …" and fit("cat", 5, "right") == "  cat" and fit("cat", 0) == ""


@pytest.mark.parametrize("width", range(9))
def test_a_truncated_line_keeps_its_roles_and_marks_the_loss(width):
    cut = clip([("abc", "ok"), ("def", "bad")], width)
    assert width_of(cut) == min(width, 6)
    assert ("…" in line_of(cut)) == (0 < width < 6)
    assert [role for _, role in cut] == ["ok", "bad"][: len(cut)]


def test_a_right_end_may_have_parts_of_its_own_and_a_focused_pane_has_an_accent_rule():
    line = heading("log", 24, [hints([("l", "larger")])], focused=True)
    assert line_of(line) == "━ log ━━━━━━━ l larger ━"
    assert ("l", "key") in line and [role for text, role in line if "━" in text] == ["accent"] * 3
    assert line_of(heading("log", 10, ["", "much too long"])) == "━ log ────"


def test_hints_name_keys_and_a_column_finds_its_key():
    line = [(" ", ""), *hints([(", .", "run"), ("S", "stop")])]
    assert line_of(line) == " , . run  S stop"
    assert [part_at(line, x)[1] for x in (0, 1, 3, 6, 8, 10, 13, 40)] == ["", ",", ".", ".", "", "S", "S", ""]


def test_words_are_wrapped_and_a_word_longer_than_the_line_is_truncated():
    assert wrap("one two  three", 7) == ["one two", "three"]
    assert wrap("incomprehensible", 6) == ["incom…"]
    assert wrap("", 6) == [] and max(map(cell_len, wrap("猫 " * 9, 7))) <= 7
