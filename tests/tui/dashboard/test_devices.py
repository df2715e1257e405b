"""The use of the run's device over the last minutes."""

import math
import time

import pytest

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import System
from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tui.dashboard import exported, panels
from tui.dashboard.devices import busy_lately
from tui.drawing.machine import places


def test_the_use_of_the_last_ten_minutes_is_averaged_by_parts(root):
    run = write_run(root, Demo(epochs_done=0, step=0))
    now = time.time() + 1000
    with EventWriter(run.events) as events:
        for ago, use in ((590, 0.2), (580, 0.4), (10, 1.0), (0, 0.5)):
            events.write(System([{"index": 0, "utilization": use}], t=now - ago))
    view = view_of(run)
    parts = busy_lately(view.history, 4)
    assert parts[0] == pytest.approx(0.3) and parts[3] == pytest.approx(0.75)
    assert math.isnan(parts[1]) and math.isnan(parts[2])


def test_one_or_two_missing_samples_repeat_the_last_and_a_longer_gap_stays_empty(root):
    run = write_run(root, Demo(epochs_done=0, step=0))
    now = time.time() + 1000
    with EventWriter(run.events) as events:
        for i in range(60):
            if i not in (10, 20, 21, 30, 31, 32, 33):
                events.write(System([{"index": 0, "utilization": i / 100}], t=now - 590 + 10 * i))
    parts = busy_lately(view_of(run).history, 60)
    empty = [i for i, use in enumerate(parts) if math.isnan(use)]
    assert len(empty) == 1 and empty[0] in (32, 33, 34)
    assert parts[11] == pytest.approx(parts[10], abs=0.035) and parts[22] == pytest.approx(parts[20], abs=0.035)


def test_the_gpus_of_all_nodes_are_shown_and_exported_under_their_hosts(root):
    run = write_run(root, Demo(epochs_done=0, step=0))
    now = time.time() + 1000
    cards = [
        {"node": node, "host": f"n{node + 1}", "index": index, "memory_ours": 4e9, "power": 100.0 + node}
        for node in (0, 1)
        for index in (0, 1)
    ]
    with EventWriter(run.events) as events:
        for ago in (2, 0):
            events.write(System(cards, t=now - ago))
    view = view_of(run)
    drawn = panels.machine(view, 4)
    assert places(drawn.gpus) == ["n1:0", "n1:1", "n2:0", "n2:1"]
    table = next(one for one in exported.tables(exported.scene_of(view, view.status()), now) if one.title == "devices")
    facts = dict(table.rows)
    assert [facts[f"GPU {place}, power, W"] for place in places(drawn.gpus)] == ["100", "100", "101", "101"]
