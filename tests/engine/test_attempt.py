"""One attempt at a run, carried out in this process: its events, its end, its time at work."""

import itertools
import json
import math
import time
from functools import partial
from pathlib import Path

import pytest

from engine import attempt as trainer
from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import EventReader, encode
from engine.contract.run.events import Epoch, Failed, Finished, Phase, RunStarted, Stopped, System
from engine.contract.run.fold import RunFold
from engine.loop import meeting
from engine.loop.system import sampling

pytestmark = pytest.mark.usefixtures("shapes_ready")

LAST_STEP_BLOWS_UP = {
    "batch_size": 320, "epochs": 1, "schedule": "constant", "optimizer": {"name": "sgd", "lr": 1e30},
    "data": {"name": "shapes"},
}  # fmt: skip


def events(run):
    return EventReader(run.events).poll()


@pytest.mark.usefixtures("prepared")
def test_the_last_event_says_the_same_time_at_work_as_a_listing_and_no_sample_follows_it(new, monkeypatch):
    monkeypatch.setattr(meeting, "sampling", partial(sampling, every=0.001))
    run = new(epochs=3)
    asked = iter([False] * 12)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    with run.events.open("a") as file:
        file.write(encode(System(t=time.time(), worked=1000.0)) + "\n")  # as if it had been killed after that
    assert trainer.carry_out(run, lambda: False) == 0
    seen = events(run)
    attempts = [0.0]
    for before, event in itertools.pairwise(seen):
        assert math.isfinite(event.worked)
        if isinstance(before, System) and before.worked == 1000.0:
            attempts.append(0.0)
        attempts[-1] = max(attempts[-1], event.worked)
    assert len(attempts) == 2 and attempts[0] == 1000.0
    assert isinstance(seen[-1], Finished)
    assert seen[-1].seconds == pytest.approx(sum(attempts)) == RunFold(run.events).poll().seconds
    assert not RunFold(run.events).poll().course.work.estimated


@pytest.mark.usefixtures("prepared")
def test_without_what_it_measured_the_same_events_lead_to_nearly_the_same_time(new):
    run = new(epochs=3)
    asked = iter([False] * 12)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    count = len(events(run))
    assert trainer.carry_out(run, lambda: False) == 0
    tables = [json.loads(line) for line in run.events.read_text().splitlines()]
    attempts = [[table["t"] for table in part] for part in (tables[:count], tables[count:])]
    for at, table in enumerate(tables):  # as an older version wrote them, the second attempt a day later
        del table["worked"]
        table["t"] += 86_400.0 * (at >= count)
    run.events.write_text("".join(json.dumps(table) + "\n" for table in tables))
    work = RunFold(run.events).poll().course.work
    assert work.estimated
    wall = sum(sum(max(b - a, 0) for a, b in itertools.pairwise(times)) for times in attempts)
    assert work.seconds == pytest.approx(wall, abs=1e-3)


def test_carried_out_in_this_process_it_writes_what_it_says(new, capfd):
    run = new()
    assert trainer.carry_out(run, lambda: False) == 0
    seen = events(run)
    assert [type(event) for event in seen if isinstance(event, Phase | RunStarted | Epoch | Finished)] == [
        Phase,  # the data
        Phase,
        RunStarted,
        *[Phase, Phase, Epoch] * 2,
        Phase,
        Finished,
    ]
    assert capfd.readouterr() == ("", "")
    assert trainer.carry_out(run, lambda: False) == 0
    assert [event.attempt for event in events(run) if isinstance(event, RunStarted)] == [1, 2]


@pytest.fixture
def prepared(monkeypatch, tiny):
    """The images are there at once."""
    monkeypatch.setattr(trainer, "load", lambda config, folder, say, parts: tiny)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "changes, placement, code, reason",
    [
        ({"loss": {"name": "explodes"}}, {"parts": (str(Path(__file__).with_name("own_parts.py")),)}, 1, "diverged"),
        (LAST_STEP_BLOWS_UP, {}, 1, "diverged"),
        ({"batch_size": 500, "data": {"name": "shapes"}}, {}, 2, "bad_input"),  # `tiny` has fewer than it says
        ({}, {"device": "cuda:9"}, 2, "bad_input"),
        ({}, {"gpus": 2}, 2, "bad_input"),
    ],
)
def test_every_failure_is_the_last_event(new, changes, placement, code, reason):
    run = new(Placement(threads=1, **placement), **changes)
    assert trainer.carry_out(run, lambda: False) == code
    last = events(run)[-1]
    assert isinstance(last, Failed)
    assert last.reason == reason
    assert last.message


@pytest.mark.usefixtures("prepared")
def test_the_supervisor_says_where_to_run(new, monkeypatch):
    run = new(Placement(device="cuda", threads=1))
    monkeypatch.setenv(trainer.PLACEMENT, json.dumps({"device": "cpu", "threads": 1}))
    assert trainer.carry_out(run, lambda: False) == 0
    monkeypatch.setenv(trainer.PLACEMENT, json.dumps({"device": "toaster"}))
    assert trainer.carry_out(run, lambda: False) == 2
    assert "placement" in events(run)[-1].message


def test_a_stop_while_data_are_fetched_is_heard(new):
    run = new()
    assert trainer.carry_out(run, lambda: True) == 0
    stopped = events(run)[-1]
    assert isinstance(stopped, Stopped)
    assert (stopped.epoch, stopped.step) == (0, 0)
    asked = iter([False] * 10)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    before = events(run)[-1]
    assert trainer.carry_out(run, lambda: True) == 0
    stopped = events(run)[-1]
    assert (stopped.epoch, stopped.step) == (before.epoch, before.step) != (0, 0)
