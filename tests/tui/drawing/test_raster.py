"""Dots in cells: letters of each level, lines that are joined, and cells that have one owner."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tui.reading import text_of
from tui.drawing.raster import Raster


def drawn(raster):
    return text_of(raster.lines()).splitlines()


@pytest.mark.parametrize(
    ("glyphs", "rows"),
    [
        ("braille", ["⠑⠤⡀", "  ⠈"]),
        ("block", ["▀▄ ", "  ▀"]),
        ("ascii", [".. ", "  ."]),
    ],
)
def test_a_falling_line_at_each_level(glyphs, rows):
    raster = Raster(3, 2, glyphs)
    raster.join([(0, 0), (raster.columns - 1, raster.rows // 2)], "run-0", "pen")
    assert drawn(raster) == [row.rstrip() for row in rows]


def test_braille_dots_have_unicodes_own_numbers():
    """U+2800 plus the dots as the standard numbers them: 1 2 3 7 down the left, 4 5 6 8 down the right."""
    for column, row, bit in [(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 6), (1, 0, 3), (1, 1, 4), (1, 2, 5), (1, 3, 7)]:
        raster = Raster(1, 1)
        raster.dot(column, row, "", "pen")
        assert drawn(raster) == [chr(0x2800 + (1 << bit))]


def test_a_cell_never_mixes_two_owners():
    raster = Raster(1, 1)
    raster.dot(0, 0, "run-0", "one")
    raster.dot(1, 3, "run-1", "two")
    assert raster.lines() == [[("⢀", "run-1")]]
    raster.dot(0, 3, "run-1", "two")
    assert raster.lines() == [[("⣀", "run-1")]]


@given(st.integers(-30, 30), st.integers(1, 19), st.integers(-30, 30))
@example(13, 5, 11)  # cut off at half a dot
def test_a_line_is_joined_and_has_a_dot_in_every_row_or_column_it_crosses(y0, x1, y1):
    raster = Raster(10, 3)
    dots = raster._between(0, y0, x1, y1)
    for (xa, ya), (xb, yb) in itertools.pairwise(dots):
        assert abs(xb - xa) <= 1 and abs(yb - ya) <= 1
    inside = [(x, y) for x, y in dots if 0 <= y < raster.rows]
    if 0 <= y0 < raster.rows and 0 <= y1 < raster.rows:
        assert inside[0] == (0, y0) and inside[-1] == (x1, y1)


def test_a_jump_to_a_billion_costs_no_billion_dots():
    assert len(Raster(10, 3)._between(0, 5, 19, 1e9)) < 50


def test_what_lies_outside_is_cut_off():
    raster = Raster(4, 1)
    raster.put(2, 0, "abc", "dim")
    raster.put(0, 5, "no", "dim")
    raster.dot(99, 0, "run-0", "pen")
    assert drawn(raster) == ["  ab"]
