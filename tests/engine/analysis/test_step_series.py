"""Columns of steps against plain lists, and the figures of which only the newest are kept."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.rows import LARGEST_STEP, STEP_NAMES
from engine.analysis.step_series import StepSeries
from engine.contract.run.course import LARGEST_EPOCH
from engine.contract.run.events import Step

figure = st.floats(0, 1e6)
places = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(0, 3)),
    st.tuples(st.just(LARGEST_EPOCH), st.integers(LARGEST_STEP - 3, LARGEST_STEP - 1)),
)
parts = st.lists(st.lists(st.tuples(figure, places, figure, figure, figure), max_size=8), max_size=5)


def rows(part):
    return np.array([(t, *place, *rest) for t, place, *rest in part], dtype=np.float64).reshape(-1, len(STEP_NAMES))


def filled(series, steps):
    for step in steps:
        series.extend(np.array([[step.t, step.epoch, step.step, step.loss, step.lr, step.images_per_second]]))


def numbered(count):
    return [Step(epoch=1, step=i, loss=i / 8, lr=i / 4, images_per_second=i / 2, t=float(i)) for i in range(count)]


@given(parts, st.sampled_from([0, 1, 3]))
def test_columns_are_those_of_steps_one_by_one(parts, figures):
    series, plain = StepSeries(figures), []
    for part in parts:
        series.extend(rows(part))
        for row in rows(part).tolist():
            plain = [step for step in plain if step[1:3] < row[1:3]] + [row]
    expected = dict(zip(STEP_NAMES, np.array(plain).reshape(-1, len(STEP_NAMES)).T.tolist(), strict=True))
    for name in ("epoch", "step", "loss"):
        assert series.column(name).tolist() == expected[name]
    for name in ("t", "lr", "images_per_second"):
        found = series.column(name).tolist()
        known = len(found) if not figures else min(len(found), figures)
        assert len(found) == len(plain) and found[len(found) - known :] == expected[name][len(found) - known :]
        assert all(math.isnan(one) or one == right for one, right in zip(found, expected[name], strict=True))
    if plain:
        t, epoch, step, loss, lr, speed = plain[-1]
        assert series.newest == Step(int(epoch), int(step), loss, lr, speed, t=t)


def test_a_cut_keeps_the_figures_of_the_step_before_it():
    steps = numbered(100)
    series = StepSeries(figures=10)
    filled(series, steps)
    assert series.newest == steps[-1]
    series.cut(1, 95)
    assert series.newest == steps[95] and len(series) == 96
    series.cut(1, 20)
    newest = series.newest
    assert (newest.epoch, newest.step, newest.loss, newest.t) == (1, 20, steps[20].loss, 0.0)
    assert math.isnan(newest.lr) and math.isnan(newest.images_per_second)
    filled(series, steps[21:23])
    assert series.newest == steps[22]
    assert np.isnan(series.column("lr")[:21]).all() and series.column("lr")[21:].tolist() == [21 / 4, 22 / 4]


def test_no_step_is_no_newest_one():
    series = StepSeries()
    assert series.newest is None and [len(series.column(name)) for name in STEP_NAMES] == [0] * len(STEP_NAMES)
    with pytest.raises(KeyError):
        series.column("loss of another name")
