"""History strips: filled from below, newest at the right, empty where nothing is known."""

import math

from tests.tui.reading import text_of
from tui.drawing.strip import samples, strip


def test_a_strip_is_filled_up_to_each_value_and_ends_with_the_newest():
    lines = strip([0.25, 0.5, 0.75, 1.0], 3, 2)
    assert text_of(lines).splitlines() == ["  ⣼", " ⣼⣿"]


def test_each_row_has_its_step_of_the_ramp_and_one_row_the_brightest():
    assert [line[0][1] for line in strip([1.0], 4, 3)] == ["history-3", "history-2", "history-0"]
    assert [line[0][1] for line in strip([1.0], 4, 1)] == ["history-3"]


def test_what_is_unknown_stays_empty_and_what_is_small_shows():
    assert text_of(strip([math.nan, math.nan, 0.001, 0.0], 2, 1)) == " ⡀"


def test_a_strip_keeps_its_width_at_each_level():
    for glyphs, per_cell in (("braille", 2), ("block", 2), ("ascii", 1)):
        assert samples(5, glyphs) == 5 * per_cell
        assert [len(line[0][0]) for line in strip([1.0] * 99, 5, 2, glyphs)] == [5, 5]
