"""Bars in half cells, with their track, a line across, and differences from the middle."""

import math

import pytest

from tests.tui.reading import line_of
from tui.drawing.bars import bar, difference
from tui.drawing.lines import width_of


def drawn(line):
    """The cells that are filled, by role."""
    return [(text, role) for text, role in line if text.strip()]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "━━━━━━"),
        (0.5, "━━━╺━━"),
        (0.58, "━━━╸━━"),
        (1.0, "━━━━━━"),
        (0.999, "━━━━━╸"),
        (1e-9, "╸━━━━━"),
    ],
)
def test_a_bar_fills_half_cells_and_its_track_begins_after_air(share, text):
    assert line_of(bar(share, 6)) == text


def test_the_track_has_a_role_of_its_own_and_an_unknown_share_is_all_track():
    assert bar(0.5, 6, "ok") == [("━━━", "ok"), ("╺━━", "track")]
    assert bar(math.nan, 4) == [("━━━━", "track")] and bar(0.5, 0) == []


def test_the_baseline_crosses_the_bar():
    assert bar(0.5, 6, at=0.9) == [("━━━", "bar"), ("╺━", "track"), ("│", "baseline")]
    assert line_of(bar(0.5, 6, at=1.0)) == "━━━╺━│"


@pytest.mark.parametrize("value", [-9.0, -0.1, 0.0, 0.1, 0.5, 9.0, math.nan])
def test_a_difference_grows_from_the_middle_and_keeps_its_width(value):
    line = difference(value, 1.0, 11)
    text = "".join(part for part, _ in line)
    assert width_of(line) == 11 and text[5] == "│"
    roles = {role for _, role in drawn(line)} - {"rule"}
    assert roles == ({"ok"} if value > 0 else {"warn"} if value < 0 else set())


def test_one_scale_makes_differences_comparable():
    assert line_of(difference(1.0, 1.0, 11)) == "     │━━━━━"
    assert line_of(difference(0.3, 1.0, 11)) == "     │━╸"
    assert line_of(difference(-0.5, 1.0, 11)) == "  ╺━━│"


def test_a_difference_that_no_test_has_decided_has_no_color_for_better_or_worse():
    roles = {part[1] for value in (0.5, -0.5) for part in difference(value, 1.0, 21, is_clear=False)}
    assert roles == {"", "rule", "dim"}
    assert {difference(value, 1.0, 21)[side][1] for value, side in ((0.5, 2), (-0.5, 0))} == {"ok", "warn"}
