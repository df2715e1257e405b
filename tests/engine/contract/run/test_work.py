"""Time at work: by the monotonic clock where the events tell it, else judged by their wall clocks."""

import json
import math
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine.analysis.history import History
from engine.contract.run.course import Course
from engine.contract.run.event_file import EventReader, EventWriter, encode
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Failed,
    Finished,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
)
from engine.contract.run.fold import RunFold
from engine.contract.run.store import summarize
from engine.contract.run.work import LONGEST_GAP

DAY = 86_400.0
MORNING = 1e9


def opening(t: float, attempt: int = 1):
    """How an attempt begins, in the order of the trainer: the sampler is faster than the loop."""
    return [
        System(t=t),
        Phase("preparing data", t=t + 0.5),
        Phase("starting", t=t + 1),
        RunStarted(t=t + 2, attempt=attempt, epochs=9, steps_per_epoch=10),
        Message(t=t + 2, text="fp32"),
        *([Resumed(t=t + 2, epoch=0)] if attempt > 1 else []),
        Phase("training", t=t + 3),
    ]


def epochs(t: float, count: int, took: float = 10.0):
    """Epochs with steps and samples between their ends."""
    return [
        event
        for end in (t + took * number for number in range(1, count + 1))
        for event in (Step(t=end - took / 2, epoch=1, step=1), System(t=end - 1), Epoch(t=end, epoch=1))
    ]


def folded(path, events) -> RunFold:
    """The fold of events whose times are told in seconds since some morning."""
    events = [replace(event, t=event.t + MORNING) for event in events]
    path.write_text("".join(encode(event) + "\n" for event in events))
    fold = RunFold(path).poll()
    course, history = Course(), History(path)  # the same event by event, and as screens read it
    for event in events:
        course.take(event)
    history.poll()
    for other in (course, history.course):
        assert other.work.seconds == pytest.approx(fold.seconds, abs=1e-6)
        assert other.work.estimated == fold.course.work.estimated
    return fold


def stamped(events, began: float):
    return [replace(event, worked=event.t - began) for event in events]


@pytest.mark.parametrize("end", ["stopped", "killed"])
@pytest.mark.parametrize("wall", [1.0, DAY, -DAY])
def test_time_at_work_is_the_sum_of_what_the_attempts_measured_whatever_the_wall_clock_says(tmp_path, end, wall):
    last = [Stopped(t=28.0)] if end == "stopped" else [System(t=28.0)]  # lost work is work
    first = stamped([*opening(0.0), *epochs(3.0, 2), *last], 0.0)
    second = stamped([*opening(0.0, 2), *epochs(3.0, 5), Finished(t=54.0)], 0.0)
    fold = folded(tmp_path / "events.jsonl", [*first, *(replace(event, t=event.t + wall) for event in second)])
    assert fold.seconds == 28.0 + 54.0
    assert not fold.course.work.estimated


@pytest.mark.parametrize("pause", [30.0, DAY])
@pytest.mark.parametrize("end", ["stopped", "failed", "killed"])
def test_of_an_older_run_the_pause_before_a_resume_is_left_out(tmp_path, end, pause):
    last = {"stopped": [Stopped(t=28.0)], "failed": [Failed(t=28.0)], "killed": [Checkpoint(t=27.0), System(t=28.0)]}
    again = 28.0 + pause
    events = [*opening(0.0), *epochs(3.0, 2), *last[end], *opening(again, 2), *epochs(again + 3, 5)]
    fold = folded(tmp_path / "events.jsonl", [*events, Finished(t=again + 54.0)])
    assert fold.seconds == pytest.approx(28.0 + 54.0)
    assert fold.course.work.estimated


def test_no_gap_of_an_older_run_counts_for_more_than_ten_minutes(tmp_path):
    slept = [*opening(0.0), *epochs(3.0, 2), Epoch(t=23.0 + 3 * DAY, epoch=3)]
    assert folded(tmp_path / "events.jsonl", slept).seconds == 23.0 + LONGEST_GAP
    set_back = [*opening(0.0), *epochs(3.0, 2), *epochs(3.0 - DAY, 1)]
    assert folded(tmp_path / "events.jsonl", set_back).seconds == pytest.approx(23.0 + 5.0)


def test_steps_fill_the_gaps_between_long_epochs(tmp_path):
    steps = [Step(t=3.0 + at, epoch=1, step=1) for at in range(0, 3600, 60)]
    fold = folded(tmp_path / "events.jsonl", [*opening(0.0), *steps, Epoch(t=3603.0, epoch=1)])
    assert fold.seconds == 3603.0


def test_a_run_that_an_older_version_began_is_measured_from_where_this_one_took_over(tmp_path):
    old = [*opening(0.0), *epochs(3.0, 2), Stopped(t=24.0)]
    new = stamped([*opening(DAY, 2), *epochs(DAY + 3, 1), Finished(t=DAY + 14)], DAY)
    fold = folded(tmp_path / "events.jsonl", [*old, *new])
    assert fold.seconds == pytest.approx(24.0 + 14.0)
    assert fold.course.work.estimated, "a part of it is"


def test_being_shown_the_same_events_again_changes_nothing(tmp_path):
    both = stamped([*opening(0.0), *epochs(3.0, 2)], 0.0), [*opening(0.0), *epochs(3.0, 2), Stopped(t=24.0)]
    for events in both:
        once = folded(tmp_path / "events.jsonl", events).seconds
        assert folded(tmp_path / "events.jsonl", [*events, *events]).seconds == once


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e12, 1e18, -1e18, -5.0])
def test_clocks_that_tell_nonsense_add_little(tmp_path, bad):
    events = [*opening(0.0), *epochs(3.0, 2), Stopped(t=24.0)]
    for place in range(len(events)):
        odd = [*events[:place], replace(events[place], t=bad), *events[place + 1 :]]
        assert 0.0 <= folded(tmp_path / "events.jsonl", odd).seconds <= 24.0 + 2 * LONGEST_GAP
        measured = stamped(events, 0.0)
        measured[place] = replace(measured[place], worked=bad if bad != -5.0 else math.nan)
        assert 0.0 <= folded(tmp_path / "events.jsonl", measured).seconds <= 25.0


def test_a_fold_in_pieces_equals_one_of_the_whole(tmp_path):
    events = [*opening(0.0), *epochs(3.0, 4), Stopped(t=44.0), *opening(DAY, 2), *epochs(DAY + 3, 4)]
    rng = random.Random(0)
    for clock in (events, stamped(events[:19], 0.0) + stamped(events[19:], DAY)):
        path = tmp_path / "pieces.jsonl"
        path.write_text("")
        fold = RunFold(path)
        for event in clock:
            with path.open("a") as file:
                file.write(encode(replace(event, t=event.t + MORNING)) + "\n")
            if rng.random() < 0.5:
                fold.poll()
        assert fold.poll().seconds == folded(tmp_path / "events.jsonl", clock).seconds


def test_the_writer_of_an_attempt_stamps_every_event_and_adds_up_the_attempts(run, monkeypatch):
    clock = iter((1000.0, 1003.25, 1028.0, 5001.0, 5054.0))
    monkeypatch.setattr("engine.contract.run.event_file.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with EventWriter(run.events, 1000.0) as writer:
        for _ in range(3):
            writer.write(Message(t=0.0))
    with EventWriter(run.events, 5000.0, RunFold(run.events).poll().seconds) as writer:
        writer.write(Phase("starting", t=10.0))
        writer.write(Finished(t=20.0))
    told = EventReader(run.events).poll()
    assert [event.worked for event in told] == [0.0, 3.25, 28.0, 1.0, 54.0]
    assert isinstance(told[-1], Finished) and told[-1].seconds == 82.0 == summarize(run).seconds
    assert [json.loads(line)["worked"] for line in run.events.read_text().splitlines()] == [0, 3.25, 28, 1, 54]


def test_an_event_that_no_trainer_has_written_says_nothing_of_work(run):
    with EventWriter(run.events) as writer:
        writer.write(Epoch(epoch=1))
    assert "worked" not in json.loads(run.events.read_text())
    assert math.isnan(EventReader(run.events).poll()[0].worked)
