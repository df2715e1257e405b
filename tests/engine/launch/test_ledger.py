"""What a supervisor writes while it works: beats that count, orders that are not lost, and nothing where its run was."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.contract.home import FolderLost
from engine.contract.run.process import Heartbeat, ProcRecord, me
from engine.launch import elsewhere, ledger
from engine.launch.ledger import Ledger

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Both clocks, which stand still until they are set."""
    now = SimpleNamespace(wall=1000.0, steady=50.0)
    monkeypatch.setattr(
        ledger,
        "time",
        SimpleNamespace(time=lambda: now.wall, monotonic=lambda: now.steady, sleep=lambda seconds: None),
    )
    return now


def test_beats_count_and_come_in_time_whatever_the_clock_does(bench: Bench, clock: SimpleNamespace):
    run = bench.make()
    desk = Ledger(run, every=2.0)
    seen = []
    for wall, steady in ((1000.0, 50.0), (5000.0, 51.0), (5001.0, 52.0), (10.0, 53.9), (11.0, 54.0), (9e9, 56.5)):
        clock.wall, clock.steady = wall, steady
        desk.beat("running")
        beat = Heartbeat.read(run.heartbeat)
        assert beat is not None
        seen.append((beat.beats, beat.t))
    assert seen == [(1, 1000.0), (1, 1000.0), (2, 5001.0), (2, 5001.0), (3, 11.0), (4, 9e9)]


def test_a_beat_that_says_something_new_comes_at_once(bench: Bench, clock: SimpleNamespace):
    run = bench.make()
    desk = Ledger(run, every=2.0)
    for state in ("starting", "queued", "queued", "running"):
        desk.beat(state)
    beat = Heartbeat.read(run.heartbeat)
    assert beat is not None and (beat.state, beat.beats) == ("running", 3)


def test_an_order_is_taken_once_even_where_its_request_cannot_be_removed(
    bench: Bench, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    run = bench.make()
    desk = Ledger(run, every=2.0)
    elsewhere.ask(run, "stop")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        assert desk.beat("running") == ["stopped"]
        clock.steady += 3
        assert desk.beat("running") == []
    clock.steady += 3
    assert desk.beat("running") == []
    assert list((run.path / "requests").iterdir()) == []


def test_orders_reach_a_supervisor_on_a_full_disk(
    bench: Bench, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    run = bench.make()
    desk = Ledger(run, every=2.0)
    elsewhere.ask(run, "kill")

    def full(self: Heartbeat, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Heartbeat, "write", full)
    assert desk.beat("running") == ["killed"]


def test_the_record_names_the_folder_and_the_start_of_both_processes(bench: Bench):
    run = bench.make()
    Ledger(run, every=2.0).record(me())
    record = ProcRecord.read(run.proc)
    assert record is not None and record.trainer is not None
    status = run.path.stat()
    assert record.supervisor.folder == record.trainer.folder == f"{status.st_dev}:{status.st_ino}"
    assert record.trainer.start_ticks == me().start_ticks > 0
    assert record.supervisor.pid_namespace == Path("/proc/self/ns/pid").readlink().name


def test_in_a_folder_that_is_gone_nothing_is_written_and_no_beat_fails(bench: Bench, clock: SimpleNamespace):
    run = bench.make()
    desk = Ledger(run, every=2.0)
    there = run.path.with_name("20260101-000000-else")
    run.path.rename(there)
    desk.beat("running")
    assert not desk.in_place and (there / "heartbeat.json").exists()
    for path in sorted(there.rglob("*"), reverse=True):
        path.unlink()
    there.rmdir()
    assert desk.beat("stopping") == []
    assert not run.path.exists() and not there.exists()
    with pytest.raises(FolderLost):
        desk.record(None)
