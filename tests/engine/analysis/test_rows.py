"""Steps and samples as rows, against reading every event by itself."""

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.analysis.rows import (
    GPU_NAMES,
    HOST_NAMES,
    STEP_NAMES,
    card_of,
    gpu_rows,
    host_rows,
    number,
    step_key,
    step_rows,
)
from engine.contract.run.event_file import read_event
from engine.contract.run.events import Step, System

value = st.one_of(
    st.integers(-3, 10),
    st.floats(-1, 100),
    st.just(10**400),
    st.just("nan"),
    st.none(),
    st.booleans(),
    st.text(max_size=2),
)
tables = st.lists(
    st.fixed_dictionaries({"event": st.just("step")}, optional=dict.fromkeys(STEP_NAMES, value)), max_size=6
)


@given(tables)
@example([{"event": "step", "epoch": 1, "step": 0.0}])  # a float is no step, whatever its value
@example([{"event": "step", "epoch": 1.0, "step": 0}])
def test_rows_are_the_sound_steps_one_by_one(tables):
    rows, garbage = step_rows(tables)
    read = [read_event(table) for table in tables]
    steps = [event for event, _ in read if isinstance(event, Step) and event.epoch >= 1]
    expected = [[getattr(step, name) for name in STEP_NAMES] for step in steps]
    np.testing.assert_array_equal(rows, np.array(expected, dtype=np.float64).reshape(-1, len(STEP_NAMES)))
    assert garbage >= len(tables) - len(rows)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 100_000)), min_size=2))
def test_keys_order_steps_as_pairs_do(steps):
    assert sorted(steps) == sorted(steps, key=lambda step: step_key(*step))


def test_samples_are_rows_and_missing_figures_nan():
    gpus = [{"index": 0, "utilization": 0.5, "memory_used": 3.0}, {"index": 70}, {"index": "x"}, {"utilization": 2.0}]
    samples = [System(gpus=gpus, cpu=0.25, t=5.0), System(gpus=[{"index": 0, "utilization": 1.5}], t=6.0)]
    assert host_rows(samples)[:, :2].tolist()[0] == [5.0, 0.25] and host_rows(samples).shape == (2, len(HOST_NAMES))
    rows = gpu_rows(samples)
    assert list(rows) == [(0, 0)] and rows[0, 0].shape == (2, len(GPU_NAMES))
    assert rows[0, 0][0, :3].tolist() == [5.0, 0.5, 3.0] and np.isnan(rows[0, 0][1, 1:]).all(), (
        "a use of 1.5 is garbage"
    )


@pytest.mark.parametrize(
    ("table", "card"),
    [
        ({"index": 3}, (0, 3)),  # of an older version
        ({"node": 2, "index": 3}, (2, 3)),
        ({"node": 2}, None),
        ({"node": "2", "index": 3}, None),
        ({"node": -1, "index": 3}, None),
        ({"node": 1024, "index": 0}, None),
        ({"node": True, "index": 0}, None),
    ],
)
def test_a_gpu_is_told_by_its_node_and_its_index_there(table, card):
    assert card_of(table) == card


@given(st.floats() | st.integers(-(2**60), 2**60) | st.text(max_size=3) | st.none())
def test_a_number_is_a_json_number_or_nan(value):
    found = number(json.loads(json.dumps(value)))
    exact = isinstance(value, float) or (type(value) is int and abs(value) <= 2**53)
    assert found == value or (math.isnan(found) and not (exact and value == value))
