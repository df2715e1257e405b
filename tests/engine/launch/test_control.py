"""Stop, kill and resume, above all where something has been killed before."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.run import pulse
from engine.contract.run.events import EventReader, RunStarted
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord, Identity, ProcRecord, alive, boot_id, host_name, me
from engine.contract.run.store import summarize
from engine.launch import control, local, queue

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


@pytest.fixture
def orphan(bench: Bench) -> RunFolder:
    """A run whose supervisor has been killed with kill -9 beside a trainer at work."""
    run = bench.working()
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not alive(supervisor, run.path))
    return run


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_orphaned_run_is_listed_as_such_and_keeps_its_device(bench: Bench, orphan: RunFolder):
    row = summarize(orphan)
    assert (row.status, row.reason) == ("running", "supervisor_lost")
    assert "works on alone" in row.message
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
    control.resume(orphan, supervisor=bench.supervisor)
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
    assert record.message == "ended without a word while it had no supervisor of its own"


def test_a_run_whose_processes_were_all_killed_is_lost_and_can_be_resumed(bench: Bench):
    run = bench.working()
    for process in bench.processes(run):
        os.kill(process.pid, signal.SIGKILL)
    status = bench.ended(run)
    assert (status.state, status.reason) == ("lost", "supervisor_lost")
    assert status.message == "its processes vanished while it was running"
    control.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_waiting_supervisor_that_is_killed_is_lost_and_lets_the_next_one_pass(bench: Bench):
    holder, killed = bench.working(), bench.start()
    bench.until(lambda: killed.status().state == "queued")
    after = bench.start("finish")
    bench.until(lambda: after.status().place == 2)
    os.kill(ProcRecord.read(killed.proc).supervisor.pid, signal.SIGKILL)
    assert bench.ended(killed).message == "its processes vanished while it was queued"
    control.stop(holder)
    assert bench.ended(after).state == "finished"
    (killed.path / "go").touch()
    control.resume(killed, supervisor=bench.supervisor)
    assert bench.ended(killed).state == "finished"


def test_an_orphaned_run_is_not_resumed_while_its_trainer_lives(bench: Bench, orphan: RunFolder):
    with pytest.raises(BadInput, match="is running; stop or kill it first"):
        control.resume(orphan, supervisor=bench.supervisor)
    with pytest.raises(local.StartFailed, match="is in use by another process"):
        local.start(orphan, supervisor=bench.supervisor)


def test_a_trainer_that_cannot_be_proven_alive_still_holds_its_run(bench: Bench, orphan: RunFolder):
    """The record may be lost or seen from another container: the lock that the trainer inherited does not lie."""
    orphan.proc.unlink()
    with pytest.raises(local.StartFailed, match="is in use by another process"):
        local.start(orphan, supervisor=bench.supervisor)


def test_resume_after_a_kill_makes_a_second_attempt(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[1].pid, signal.SIGKILL)
    first = bench.record(run)
    control.resume(run, {"threads": 3, "data_dir": "here"}, supervisor=bench.supervisor)
    assert ExitRecord.read(run.exits / "1.json") == first
    assert not run.exit.exists()
    bench.until(lambda: sum(isinstance(event, RunStarted) for event in EventReader(run.events).poll()) == 2)
    seen = (run.path / "seen.txt").read_text()
    assert '"threads":3' in seen and f'"data_dir":"{Path("here").absolute()}"' in seen
    (run.path / "go").touch()
    second = bench.record(run)
    assert (first.state, first.attempt, second.state, second.attempt) == ("failed", 1, "finished", 2)
    assert run.log.read_text().count("--- attempt") == 2


def test_the_words_of_an_earlier_attempt_are_not_taken_for_this_one(bench: Bench):
    run = bench.working()
    control.stop(run)
    assert bench.ended(run).state == "stopped"
    (run.path / "fake.txt").write_text("refuse")
    control.resume(run, supervisor=bench.supervisor)
    assert (bench.record(run).state, bench.record(run).reason) == ("failed", "bad_input")


def test_resume_refuses_what_is_at_work_or_finished(bench: Bench):
    run = bench.working()
    with pytest.raises(BadInput, match="is running"):
        control.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    bench.ended(run)
    with pytest.raises(BadInput, match=f"is finished; start a new one from it with --preset run:{run.id}"):
        control.resume(run, supervisor=bench.supervisor)


def test_a_resume_right_after_the_last_word_waits_for_the_supervisor(bench: Bench):
    """A viewer reads "stopped" in the events before the supervisor has written how it ended, and gone."""
    for _ in range(3):
        run = bench.working()
        control.stop(run)
        bench.until(lambda run=run: b'"stopped"' in run.events.read_bytes())
        control.resume(run, supervisor=bench.supervisor)
        (run.path / "go").touch()
        assert bench.record(run).state == "finished"
        assert (run.exits / "1.json").exists()


def test_a_resume_waits_for_a_trainer_that_takes_its_time_to_stop(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GRACE", "1")
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    (run.path / "fake.txt").write_text("finish")
    control.resume(run, supervisor=bench.supervisor)
    assert bench.record(run).state == "finished"
    assert ExitRecord.read(run.exits / "1.json").state == "stopped"


def test_a_resume_does_not_wait_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(control, "ENDING_SECONDS", 0.3)
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    with pytest.raises(BadInput, match="is stopping"):
        control.resume(run, supervisor=bench.supervisor)


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
    assert control.kill(run, patience=0.2) == "is killed"
    assert groups
    bench.until(lambda: not bench.alive())


def test_resume_refuses_another_recipe(bench: Bench):
    run = bench.make()
    text = run.recipe_toml.read_text()
    run.recipe_toml.write_text(text.replace("batch_size = 8", "batch_size = 16"))
    with pytest.raises(BadInput, match=r"recipe\.toml is not the recipe that the run was made with"):
        control.resume(run, supervisor=bench.supervisor)
    assert not run.proc.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "tpu"}, "device: .*'tpu'"),
        ({"devise": "cpu"}, r"unknown key devise; did you mean device\?"),
        ({"gpus": 2}, "gpus = 2 needs that many GPUs, but the device is cpu"),
    ],
)
def test_resume_refuses_an_unfit_placement(bench: Bench, changes: dict[str, Any], message: str):
    run = bench.make()
    with pytest.raises(BadInput, match=message):
        control.resume(run, changes, supervisor=bench.supervisor)
    assert not run.proc.exists()


def test_what_is_not_at_work_cannot_be_stopped(bench: Bench):
    run = bench.start("finish")
    bench.ended(run)
    for act in (control.stop, control.kill):
        with pytest.raises(BadInput, match="is not at work: it is finished"):
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
        with pytest.raises(BadInput, match="is not at work"):
            act(run)


def test_a_process_that_got_the_number_of_a_dead_supervisor_is_left_alone(bench: Bench):
    """This process stands for it: it lives and was even made at that time, but it does not work on the run."""
    run = bench.make()
    ProcRecord(host_name(), boot_id(), me()).write(run.proc)
    with pytest.raises(BadInput, match="is not at work"):
        control.stop(run)


def test_after_a_reboot_runs_are_started_again_in_their_order(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pulse, "WATCH_SECONDS", 0.5)
    runs = [bench.start("finish") for _ in range(3)]
    for run in runs:
        bench.ended(run)
        run.exit.unlink()
        run.events.unlink()
        rewrite(run.proc, boot_id="before")
        rewrite(run.heartbeat, t=0.0)
    assert {(run.status().state, run.status().reason) for run in runs} == {("lost", "reboot")}
    runs[1].recipe_toml.write_text("no recipe")
    said: list[str] = []
    outcome = control.restart_lost(runs[::-1], supervisor=bench.supervisor, say=said.append)
    assert len(said) <= 1, "the first look at all of them is when the watch begins"
    assert list(outcome) == sorted(run.id for run in runs)
    assert outcome.pop(runs[1].id).startswith(f"run {runs[1].id}: recipe.toml is no TOML")
    assert set(outcome.values()) == {""}
    assert {bench.ended(run).state for run in (runs[0], runs[2])} == {"finished"}


def test_wait_gives_up_after_its_time(bench: Bench):
    run = bench.working()
    assert control.wait(run, timeout=0.05).state == "running"
