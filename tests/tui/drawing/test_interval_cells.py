"""Intervals around a zero line: where each part stands, and what does not fit on the scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.stats import Interval
from tui.drawing.interval_cells import SMALLEST, Scale, interval_cells, scale_of
from tui.drawing.lines import width_of

SCALE = Scale(-0.01, 0.01)


def text(interval, value, scale=SCALE, cells=20):
    line = interval_cells(interval, value, scale, cells, mark="●", roles=("bar", "strong"))
    return "".join(part for part, _ in line)


def test_the_interval_its_value_and_zero_stand_on_one_scale():
    assert text(None, 0.0) == "┈┈┈┈┈┈┈┈┈┈│┈┈┈┈┈┈┈┈┈"
    assert text(Interval(0.002, 0.006), 0.004) == "┈┈┈┈┈┈┈┈┈┈│┈━━●━━┈┈┈"
    assert text(Interval(-0.003, 0.001), -0.001) == "┈┈┈┈┈┈┈━━●┿━┈┈┈┈┈┈┈┈"


def test_what_is_off_the_scale_is_an_arrow():
    assert text(Interval(-0.03, -0.02), -0.025).startswith("◂╌╌┈┈")
    assert text(Interval(0.02, 0.03), 0.025).endswith("┈┈╌╌▸")


def test_one_far_run_does_not_flatten_the_others():
    near = [Interval(-0.002, 0.004), Interval(0.001, 0.008)]
    assert scale_of([*near, None]) == Scale(-0.005, 0.01)
    assert scale_of([*near, Interval(-0.0300, -0.0235)]) == Scale(-0.005, 0.01)
    assert scale_of([]) == scale_of([None]) == SMALLEST


@given(st.lists(st.tuples(st.floats(-0.9, 0.9), st.floats(0.0001, 0.1)), min_size=1, max_size=20), st.integers(9, 40))
def test_every_row_fills_its_cells_and_zero_stands_in_one_column(rows, cells):
    intervals = [Interval(max(at - half, -1.0), min(at + half, 1.0)) for at, half in rows]
    scale = scale_of(intervals)
    zero = scale.column(0.0, cells)
    assert len(scale.head(cells)) == cells
    for one, (at, _) in zip(intervals, rows, strict=True):
        line = interval_cells(one, at, scale, cells, mark="●", roles=("bar", "strong"))
        assert width_of(line) == cells
        assert "".join(part for part, _ in line)[zero] in "│┿●╌◂▸"


@pytest.mark.parametrize(
    ("scale", "head"), [(Scale(-0.01, 0.015), "-1    0     +1.5"), (Scale(-0.005, 0.03), "0         +3")]
)
def test_the_head_names_the_ends_of_the_scale_and_zero(scale, head):
    assert scale.head(16).split() == head.split()
