"""Following a run: everything once, in order, to the end."""

import os
import signal
from typing import Any

from engine.contract.run.events import Finished, RunStarted, Step, Stopped
from engine.contract.run.store import Status
from engine.launch import control, restart
from engine.launch.watch import follow

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


def test_a_run_is_followed_from_its_start_to_its_end(bench: Bench):
    run = bench.working()
    seen = []
    for item in follow(run, longest=0.05):
        seen.append(item)
        if isinstance(item, Step) and item.step == 3:
            (run.path / "go").touch()
    events = [item for item in seen if not isinstance(item, Status)]
    states = [item.state for item in seen if isinstance(item, Status)]
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], Finished)
    steps = [event.step for event in events if isinstance(event, Step)]
    assert steps == list(range(1, len(steps) + 1))
    assert states[0] == "running" and states[-1] == "finished"
    assert isinstance(seen[-1], Status)


def test_a_watcher_learns_of_the_queue_and_of_every_change_of_place(bench: Bench):
    holder, ahead = bench.working(), bench.start()
    bench.until(lambda: ahead.status().state == "queued")
    run = bench.start("finish")
    bench.until(lambda: run.status().place == 2)
    seen: list[tuple[str, int]] = []
    for item in follow(run, longest=0.05):
        if isinstance(item, Status):
            seen.append((item.state, item.place))
            if seen == [("queued", 2)]:
                control.stop(ahead)
            if seen[-1] == ("queued", 1) and holder.status().state == "running":
                control.stop(holder)
    assert seen[:2] == [("queued", 2), ("queued", 1)]
    assert seen[-1] == ("finished", 0)


def test_a_run_that_has_ended_is_told_whole_and_at_once(bench: Bench):
    run = bench.working()
    control.stop(run)
    bench.ended(run)
    *events, status = follow(run)
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], Stopped)
    assert isinstance(status, Status) and status.state == "stopped"
    assert [item.state for item in follow(run, tail=0) if isinstance(item, Status)] == ["stopped"]


def test_a_watcher_goes_on_with_the_next_attempt(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[1].pid, signal.SIGKILL)
    bench.ended(run)
    restart.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    seen = list(follow(run, longest=0.05))
    assert sum(isinstance(item, RunStarted) for item in seen) == 2
    assert isinstance(seen[-1], Status) and seen[-1].state == "finished"
