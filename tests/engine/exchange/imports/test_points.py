"""Points in bounded memory, in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.imports import points as module
from engine.exchange.imports.points import Points, Tracks, merged, without_resets


def made(steps, times=None, values=None):
    steps = np.array(steps, dtype=float)
    times = np.arange(1.0, len(steps) + 1) if times is None else np.array(times, dtype=float)
    return Points(steps, times, steps * 10 if values is None else np.array(values, dtype=float), len(steps))


def test_a_long_scalar_is_thinned_evenly_and_keeps_its_last_point(monkeypatch):
    monkeypatch.setattr(module, "MOST_PER_TAG", 100)
    tracks = Tracks()
    for step in range(1001):
        tracks.add("a", step, step, step)
    kept = tracks.by_tag["a"].points()
    assert kept.seen == 1001 and len(kept) <= 101
    assert set(np.diff(kept.steps[:-1])) == {16.0} and kept.steps[0] == 0 and kept.steps[-1] == 1000


def test_many_scalars_share_the_room(monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 1000)
    tracks = Tracks()
    for step in range(300):
        for tag in range(10):
            tracks.add(str(tag), step, step, step)
    found = [track.points() for track in tracks.by_tag.values()]
    assert sum(map(len, found)) <= 1010 and {points.seen for points in found} == {300}
    assert all(points.steps[-1] == 299 for points in found)


def test_files_are_merged_by_time_and_appended_where_there_is_none():
    late, early = made([3, 4], [30, 40]), made([1, 2], [10, 20])
    assert merged([late, early]).steps.tolist() == [1, 2, 3, 4]
    assert merged([made([3], [0]), made([1], [0])]).steps.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("steps", "left", "resets"),
    [
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2, 3, 2, 3], [1, 2, 3], 1),
        ([1, 2, 2, 3], [1, 2, 3], 0),
        ([5, 0], [0], 1),
        ([], [], 0),
    ],
)
def test_after_a_step_back_later_points_count(steps, left, resets):
    values = np.arange(len(steps))
    found, times = without_resets(made(steps, values=values))
    assert found.steps.tolist() == left and times == resets
    last = dict(zip(steps, values.tolist(), strict=True))
    assert found.values.tolist() == [last[step] for step in left]


@given(st.lists(st.integers(0, 20), max_size=30))
def test_steps_always_ascend_afterwards(steps):
    found, _ = without_resets(made(steps))
    assert (np.diff(found.steps) > 0).all()
    assert not steps or found.steps[-1] == steps[-1]
