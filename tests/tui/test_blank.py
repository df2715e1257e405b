"""The measure of blank space against a search of all rectangles."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.blank import largest_blank, wasted

SCREENS = st.lists(st.text("# \u2800", max_size=9), min_size=1, max_size=7)


@given(SCREENS, st.integers(1, 4))
def test_the_widest_rectangle_is_found(lines, height):
    columns = max(map(len, lines))
    rows = [line.ljust(columns) for line in lines]
    widths = [
        right - left
        for top in range(len(rows) - height + 1)
        for left in range(columns)
        for right in range(left + 1, columns + 1)
        if all(not row[left:right].strip(" \u2800") for row in rows[top : top + height])
    ]
    size, column, row = largest_blank(lines, height)
    assert size == max(widths, default=0)
    assert all(not line[column : column + size].strip(" \u2800") for line in rows[row : row + height])


def test_a_rectangle_of_the_allowed_size_is_no_waste_and_a_larger_one_is():
    frame = ["#" * 22, *["#" + " " * 20 + "#"] * 6, "#" * 22]
    assert wasted(frame) == []
    assert wasted(["#" * 23, *["#" + " " * 21 + "#"] * 6, "#" * 23]) == ["21 x 6 blank cells at column 1, row 1"]
    assert wasted(["#" * 22, *["#" + " " * 20 + "#"] * 7, "#" * 22]) == ["20 x 7 blank cells at column 1, row 1"]
