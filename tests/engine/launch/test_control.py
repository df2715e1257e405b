"""Stop, kill and resume, above all where something has been killed before."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import Identity, ProcRecord, alive, boot_id, host_name, me
from engine.contract.run.store import summarize
from engine.launch import control, local, queue, restart

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


@pytest.fixture
def orphan(bench: Bench) -> RunFolder:
    """A run whose supervisor has been killed with kill -9 beside a trainer at work."""
    run = bench.working()
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not alive(supervisor, run.path))
    return run


def test_an_orphaned_run_is_listed_as_such_and_keeps_its_device(bench: Bench, orphan: RunFolder):
    row = summarize(orphan)
    assert (row.status, row.reason) == ("running", "supervisor_lost")
    assert "continues alone" in row.message
    bench.until(lambda: not queue.tickets()[0].supervised)
    (ticket,) = queue.tickets()
    assert (ticket.run, ticket.supervised, ticket.held) == (orphan.id, False, ("cpu",))
    waiting = bench.start("finish")
    bench.until(lambda: waiting.status().state == "queued")
    assert waiting.status().note == f"held by {orphan.id}"


def test_an_orphaned_run_that_finishes_by_itself_is_finished(bench: Bench, orphan: RunFolder):
    (orphan.path / "go").touch()
    assert bench.ended(orphan).state == "finished"


def test_an_orphaned_run_can_be_stopped_and_resumed(bench: Bench, orphan: RunFolder):
    control.stop(orphan, supervisor=bench.supervisor)
    record = bench.record(orphan)
    assert (record.state, record.message) == ("stopped", "stopped in epoch 3")
    restart.resume(orphan, supervisor=bench.supervisor)
    (orphan.path / "go").touch()
    assert bench.ended(orphan).state == "finished"


def test_an_orphaned_run_can_be_killed(bench: Bench, orphan: RunFolder):
    control.kill(orphan, supervisor=bench.supervisor)
    record = bench.record(orphan)
    assert (record.state, record.reason) == ("stopped", "killed")
    bench.until(lambda: not bench.alive())


def test_an_orphaned_run_is_adopted_by_one_supervisor_only(bench: Bench, orphan: RunFolder):
    local.start(orphan, adopt=True, supervisor=bench.supervisor)
    assert (orphan.status().state, orphan.status().reason) == ("running", "")
    with pytest.raises(local.StartFailed, match="adopted by another process"):
        local.start(orphan, adopt=True, supervisor=bench.supervisor)
    (orphan.path / "go").touch()
    assert bench.record(orphan).state == "finished"


def test_an_adopted_trainer_that_is_killed_is_reported(bench: Bench, orphan: RunFolder):
    local.start(orphan, adopt=True, supervisor=bench.supervisor)
    os.kill(bench.processes(orphan)[1].pid, signal.SIGKILL)
    record = bench.record(orphan)
    assert (record.state, record.reason) == ("failed", "killed")
    assert record.message == "ended without giving a reason, while it had no supervisor"


def test_a_run_whose_processes_were_all_killed_is_lost_and_can_be_resumed(bench: Bench):
    run = bench.working()
    for process in bench.processes(run):
        os.kill(process.pid, signal.SIGKILL)
    status = bench.ended(run)
    assert (status.state, status.reason) == ("lost", "supervisor_lost")
    assert status.message == "its processes disappeared while it was running"
    restart.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_waiting_supervisor_that_is_killed_is_lost_and_lets_the_next_one_pass(bench: Bench):
    holder, killed = bench.working(), bench.start()
    bench.until(lambda: killed.status().state == "queued")
    after = bench.start("finish")
    bench.until(lambda: after.status().place == 2)
    os.kill(ProcRecord.read(killed.proc).supervisor.pid, signal.SIGKILL)
    assert bench.ended(killed).message == "its processes disappeared while it was queued"
    control.stop(holder)
    assert bench.ended(after).state == "finished"
    (killed.path / "go").touch()
    restart.resume(killed, supervisor=bench.supervisor)
    assert bench.ended(killed).state == "finished"


def test_a_kill_of_what_ends_at_that_moment_is_done_and_no_error(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    run = bench.working()
    killpg = os.killpg
    groups = []

    def late(group: int, number: int) -> None:
        groups.append(group)
        killpg(group, number)
        bench.until(lambda: not Path(f"/proc/{group}").exists() or not bench.alive())
        raise ProcessLookupError(3, "No such process")

    os.kill(bench.processes(run)[0].pid, signal.SIGSTOP)
    monkeypatch.setattr(os, "killpg", late)
    assert control.kill(run, patience=0.2) == "was killed"
    assert groups
    bench.until(lambda: not bench.alive())


def test_what_is_not_at_work_cannot_be_stopped(bench: Bench):
    run = bench.start("finish")
    bench.ended(run)
    for act in (control.stop, control.kill):
        with pytest.raises(BadInput, match="is not active: it is finished"):
            act(run)
    with pytest.raises(BadInput, match="is not in the queue: it is finished"):
        control.cancel(run)


@pytest.mark.parametrize("pid", [0, -1, 1, 2**40])
def test_a_forged_process_number_is_never_signalled(bench: Bench, pid: int, monkeypatch: pytest.MonkeyPatch):
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"signalled {arguments}")

    run = bench.make()
    ProcRecord(host_name(), boot_id(), Identity(host_name(), boot_id(), pid, 0.0)).write(run.proc)
    for name in ("kill", "killpg", "pidfd_open"):
        monkeypatch.setattr(os, name, refuse)
    for act in (control.stop, control.kill):
        with pytest.raises(BadInput, match="is not active"):
            act(run)


def test_a_process_that_got_the_number_of_a_dead_supervisor_is_left_alone(bench: Bench):
    """This process stands for it: it lives and was even made at that time, but it does not work on the run."""
    run = bench.make()
    ProcRecord(host_name(), boot_id(), me()).write(run.proc)
    with pytest.raises(BadInput, match="is not active"):
        control.stop(run)


def test_wait_gives_up_after_its_time(bench: Bench):
    run = bench.working()
    assert control.wait(run, timeout=0.05).state == "running"
