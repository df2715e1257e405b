"""Labels beside a chart: where they stand, and what they lose when there are too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from tests.tui.reading import fits, text_of
from tui.drawing.gutter import Label, place, pooled

WANTED = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=9).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)


def label(name, row, *more, priority=1, value=0.0):
    return Label(([(f" ● {name}", "")], *([(f"   {line}", "")] for line in more)), row, value, priority)


@given(WANTED)
def test_positions_are_those_of_isotonic_regression(pairs):
    wanted, heights = [want for want, _ in pairs], [height for _, height in pairs]
    above = np.cumsum([0, *heights])[:-1]
    expected = isotonic_regression(np.array(wanted) - above).x + above if pairs else []
    assert pooled(wanted, heights) == pytest.approx(list(expected))


@given(WANTED, st.integers(1, 30))
def test_labels_never_overlap_and_keep_the_order_of_their_values(pairs, height):
    labels = [label(f"{i:02}", row, *["x"] * (lines - 1)) for i, (row, lines) in enumerate(pairs)]
    drawn = place(labels, 11, height)
    assert len(drawn) == height and fits(drawn, 11, height)
    names = [line[3:5] for line in text_of(drawn).splitlines() if "●" in line]
    assert names == sorted(names)
    assert len(names) == min(len(labels), height)


def test_labels_that_want_the_same_rows_spread_around_them():
    drawn = place([label("a", 4, "1", value=2.0), label("b", 4, "2", value=3.0), label("c", 9)], 11, 11)
    assert text_of(drawn).splitlines() == ["", "", "", " ● b", "   2", " ● a", "   1", "", "", " ● c"]


def test_values_move_up_beside_their_names_before_anything_is_lost():
    labels = [label("8fq2", 0, "96.26", "Δ +0.1", priority=2), label("d2f8", 1, "96.87", priority=1)]
    assert text_of(place(labels, 13, 4)).splitlines() == [" ● 8fq2", "   96.26", "   Δ +0.1", " ● d2f8 96.87"]


def test_references_lose_their_lines_first_then_the_others_then_the_run_in_question():
    labels = [
        label("reported", 0, "96.26", priority=0),
        label("other", 1, "95.00", "more", priority=1),
        label("test", 2, "94.31", "Δ -0.34", priority=2),
    ]
    shown = [text_of(place(labels, 11, height)).split() for height in (7, 6, 4, 3, 2)]
    assert shown[0] == ["●", "reported", "●", "other", "95.00", "more", "●", "test", "94.31", "Δ", "-0.34"]
    assert shown[1] == ["●", "reported", "●", "other", "95.00", "●", "test", "94.31", "Δ", "-0.34"]
    assert shown[2] == ["●", "reported", "●", "other", "●", "test", "94.31"]
    assert shown[3] == ["●", "reported", "●", "other", "●", "test"]
    assert shown[4] == ["●", "other", "●", "test"]
