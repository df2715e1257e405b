"""A run folder that is moved or deleted while its processes live: they end, and nothing is made where it was.

The trainer here does not look after its folder, so that what the supervisor does shows. What the real one does is in
tests/engine/test_attempt_moved_folder.py.
"""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord, alive, presence
from engine.launch import control, local, queue, restart

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


def move(run: RunFolder, name: str = "") -> RunFolder:
    """The run under another root, as `mkdir moved; mv runs/ID moved/` leaves it."""
    target = run.path.parent.with_name("moved") / (name or run.id)
    target.parent.mkdir(exist_ok=True)
    run.path.rename(target)
    return RunFolder(target)


def gone(run: RunFolder) -> bool:
    return not run.path.exists()


@pytest.mark.parametrize("name", ["", "20260101-000000-else"], ids=["moved", "renamed"])
def test_a_run_moved_while_it_trains_is_stopped_and_its_end_is_recorded_where_it_lies(bench: Bench, name: str):
    run = bench.working()
    there = move(run, name)
    record = bench.record(there)
    assert (record.state, record.reason) == ("stopped", "moved")
    assert record.message == "the folder was moved; stopped in epoch 3"
    bench.until(lambda: not bench.alive())
    assert gone(run) and queue.tickets() == []
    assert (run.status().state, run.status().message) == ("lost", "its folder was moved or deleted")
    restart.resume(there, supervisor=bench.supervisor)
    (there.path / "go").touch()
    assert bench.ended(there).state == "finished"
    assert ExitRecord.read(there.exits / "1.json") == record


def test_while_it_ends_it_says_so_and_nothing_is_signalled(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GRACE", "5")
    run = bench.working("deaf")
    identities = bench.processes(run)
    there = move(run)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("kill", "killpg", "pidfd_open"):
            patch.setattr(os, name, lambda *arguments: pytest.fail(f"signalled {arguments}"))
        status = there.status()
        assert (status.state, status.reason, status.message) == (
            "stopping",
            "moved",
            "ending because its folder was moved",
        )
        assert control.stop(there) == control.kill(there) == "is ending because its folder was moved"
        for identity in identities:
            assert presence(identity, there.path) == "moved" and not alive(identity, there.path)
        with pytest.raises(BadInput, match="is not active"):
            control.stop(run)
    record = bench.record(there)
    assert (record.state, record.reason) == ("stopped", "moved")
    assert "the trainer did not stop within 5 s and was killed" in record.message
    assert gone(run)


def test_another_folder_in_its_place_is_neither_written_to_nor_a_way_to_its_processes(bench: Bench):
    run = bench.working()
    there = move(run)
    shutil.copytree(there.path, run.path)  # proc.json and all
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    with pytest.raises(BadInput, match="is not active"):
        control.stop(run)
    assert bench.record(there).reason == "moved"
    bench.until(lambda: not bench.alive())
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_run_deleted_while_it_trains_takes_its_processes_with_it(bench: Bench):
    run = bench.working()
    shutil.rmtree(run.path, ignore_errors=True)
    while not gone(run):  # a heartbeat may have come in between
        shutil.rmtree(run.path, ignore_errors=True)
    bench.until(lambda: not bench.alive())
    assert gone(run) and queue.tickets() == []


@pytest.mark.parametrize("act", ["move", "delete"])
def test_a_waiting_run_leaves_the_queue(bench: Bench, act: str):
    holder, waiting = bench.working(), bench.start()
    bench.until(lambda: waiting.status().state == "queued")
    supervisor = Path(f"/proc/{waiting_pid(waiting)}")
    if act == "move":
        record = bench.record(move(waiting))
        assert (record.state, record.reason) == ("stopped", "moved")
        assert record.message == "the folder was moved while the run was queued"
    else:
        while not gone(waiting):
            shutil.rmtree(waiting.path, ignore_errors=True)
    bench.until(lambda: not supervisor.exists())
    assert gone(waiting)
    assert [ticket.run for ticket in queue.tickets()] == [holder.id]


def waiting_pid(run: RunFolder) -> int:
    record = run.proc.read_text()
    return int(record.partition('"supervisor": {"pid": ')[2].partition(",")[0])


def test_an_adopted_trainer_is_stopped_when_its_folder_moves(bench: Bench):
    run = bench.working()
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not alive(supervisor, run.path))
    local.start(run, adopt=True, supervisor=bench.supervisor)
    there = move(run)
    record = bench.record(there)
    assert (record.state, record.reason) == ("stopped", "moved")
    bench.until(lambda: not bench.alive())
    assert gone(run)


def test_a_second_trainer_is_not_started_beside_one_that_is_ending(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(restart, "ENDING_SECONDS", 0.2)
    run = bench.working("deaf")
    there = move(run)
    with pytest.raises(BadInput, match="is stopping"):
        restart.resume(there, supervisor=bench.supervisor)
    with pytest.raises(local.StartFailed, match="in use by another process|still running"):
        local.start(there, supervisor=bench.supervisor, timeout=60)
