"""The state of a run over everything that its processes and files may say."""

import os
import signal
import time

import pytest

from engine.contract.run import status as module
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Failed, Finished, Phase, Resumed, RunStarted, Step, Stopped
from engine.contract.run.process import ExitRecord, Heartbeat, Identity, ProcRecord, boot_id, host_name
from engine.contract.run.status import ENDED, GRACE_SECONDS, LIVE
from engine.contract.run.store import RunFolder, summarize


def occupy(run: RunFolder, supervisor: Identity | None, trainer: Identity | None = None, **changed: str) -> None:
    """Write proc.json; a process that is None is given as one that died."""
    host, boot = changed.get("host", host_name()), changed.get("boot_id", boot_id())
    dead = Identity(host, boot, 999_999_999, 1.0)
    ProcRecord(host, boot, supervisor or dead, trainer).write(run.proc)


def say(run: RunFolder, *events) -> None:
    with EventWriter(run.events) as writer:
        for event in events:
            writer.write(event)


def judged(run: RunFolder, now: float | None = None) -> tuple[str, str]:
    state = run.status(now)
    return state.state, state.reason


def later(run: RunFolder) -> float:
    return run.info().created + GRACE_SECONDS + 1


EXITS = {
    "none": (None, None),
    "finished": (ExitRecord("finished"), ("finished", "")),
    "stopped": (ExitRecord("stopped"), ("stopped", "")),
    "preempted": (ExitRecord("preempted"), ("preempted", "")),
    "failed": (ExitRecord("failed", "gpu_memory"), ("failed", "gpu_memory")),
    "unknown reason": (ExitRecord("failed", "bad luck"), ("failed", "")),
    "unknown state": (ExitRecord("glorious"), None),
    "live state": (ExitRecord("running"), None),
}
LAST_WORDS = {
    "none": ((), None),
    "working": ((RunStarted(), Step(epoch=1)), None),
    "finished": ((RunStarted(), Finished()), ("finished", "")),
    "stopped": ((RunStarted(), Stopped()), ("stopped", "")),
    "preempted": ((RunStarted(), Stopped(reason="preempted")), ("preempted", "")),
    "failed": ((RunStarted(), Failed(reason="diverged")), ("failed", "diverged")),
    "resumed after a stop": ((Stopped(), RunStarted(attempt=2), Resumed(epoch=1)), None),
}
PROCESSES = {
    "never any": ("starting", "lost", "supervisor_lost"),
    "dead": ("lost", "lost", "supervisor_lost"),
    "before the boot": ("lost", "lost", "reboot"),
    "silent elsewhere": ("lost", "lost", "supervisor_lost"),
}


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("exit_record", EXITS)
def test_without_a_living_process_records_come_first_then_last_words_then_it_is_lost(run, exit_record, process):
    record, told = EXITS[exit_record]
    if record:
        record.write(run.exit)
    if process == "dead":
        occupy(run, None, Identity(host_name(), boot_id(), 999_999_998, 1.0))
    elif process == "before the boot":
        occupy(run, None, boot_id="an-earlier-boot")
    elif process == "silent elsewhere":
        occupy(run, None, host="another-host")
    young, old, reason = PROCESSES[process]
    for words, (said, meant) in LAST_WORDS.items():
        run.events.unlink(missing_ok=True)
        say(run, *said)
        assert judged(run, later(run)) == (told or meant or (old, reason)), words
        fresh = (young, "" if young == "starting" else reason)
        assert judged(run, run.info().created + 1) == (told or meant or fresh), words


@pytest.mark.parametrize("beat", [*LIVE, "none", "finished", "stale", "ahead", "of an earlier attempt"])
def test_a_living_supervisor_comes_before_all_files(run, worker, beat):
    supervisor = worker(run.path)
    occupy(run, supervisor)
    now = time.time()
    pid = supervisor.pid + (beat == "of an earlier attempt")
    moment = {"stale": now - 500, "ahead": now + 1e6}.get(beat, now)
    if beat != "none":
        Heartbeat(pid, beat if beat in (*LIVE, "finished") else "running", t=moment).write(run.heartbeat)
    expected = beat if beat in LIVE else "running" if beat in ("stale", "ahead") else "starting"
    for said, _ in LAST_WORDS.values():
        for record, _ in EXITS.values():  # forged, or left behind
            run.events.unlink(missing_ok=True)
            say(run, *said)
            if record:
                record.write(run.exit)
            state = run.status(now)
            assert (state.state, state.reason, state.live) == (expected, "", True)
            assert ("silent for 8 min" in state.message) == (beat == "stale")


def test_a_queued_run_tells_its_place_in_line(run, worker):
    supervisor = worker(run.path)
    occupy(run, supervisor)
    Heartbeat(supervisor.pid, "queued", 3, "waits for cuda:0", time.time()).write(run.heartbeat)
    state = run.status()
    assert (state.state, state.place, state.note) == ("queued", 3, "waits for cuda:0")


def test_without_a_heartbeat_the_last_phase_says_that_it_waits(run, worker):
    occupy(run, worker(run.path))
    say(run, Phase("queued", place=2))
    state = run.status()
    assert (state.state, state.place) == ("queued", 2)


def test_without_a_heartbeat_a_living_trainer_means_running(run, worker):
    occupy(run, worker(run.path), worker(run.path))
    say(run, Phase("training"))
    state = run.status()
    assert (state.state, state.phase) == ("running", "training")


def test_a_trainer_that_lost_its_supervisor_runs_and_says_so(run, worker):
    supervisor, trainer = worker(run.path), worker(run.path)
    occupy(run, supervisor, trainer)
    Heartbeat(supervisor.pid, "running", t=time.time()).write(run.heartbeat)
    os.kill(supervisor.pid, signal.SIGKILL)
    os.waitpid(supervisor.pid, 0)
    state = run.status()
    assert (state.state, state.reason) == ("running", "supervisor_lost")
    os.kill(trainer.pid, signal.SIGKILL)
    os.waitpid(trainer.pid, 0)
    assert judged(run) == ("lost", "supervisor_lost")
    assert "while it was running" in run.status().message


@pytest.mark.parametrize(
    "stranger", [{"pid": 0}, {"pid": -1}, {"pid": 1}, {"create_time": 1.0}, {"boot_id": "x"}, {"pid": os.getpid()}]
)
def test_a_process_id_that_is_not_ours_keeps_no_run_alive(run, worker, stranger):
    ours = worker(run.path)
    boot = stranger.get("boot_id", boot_id())
    pid, created = stranger.get("pid", ours.pid), stranger.get("create_time", ours.create_time)
    ProcRecord(host_name(), boot, Identity(host_name(), boot, pid, created)).write(run.proc)
    ExitRecord("stopped").write(run.exit)
    assert judged(run) == ("stopped", "")


@pytest.mark.parametrize(
    ("age", "state"),
    [(1, "running"), (110, "running"), (130, "lost"), (-90, "running"), (-130, "lost"), (-1e6, "lost")],
)
def test_a_run_of_another_host_lives_by_its_heartbeat(run, age, state):
    occupy(run, None, host="another-host", boot_id="another-boot")
    Heartbeat(999_999_999, "running", t=time.time() - age).write(run.heartbeat)
    assert run.status().state == state
    if state == "lost":
        assert run.status().reason == "supervisor_lost"
        assert "another-host" in run.status().message


def test_a_new_folder_counts_as_starting_only_close_to_its_birth(run):
    born = run.info().created
    for age, expected in ((0, "starting"), (9, "starting"), (-5, "starting"), (11, "lost"), (-1e6, "lost")):
        assert run.status(born + age).state == expected, age


@pytest.mark.parametrize("name", ["proc", "heartbeat", "exit", "events", "run_json"])
@pytest.mark.parametrize("damage", [b"", b"{", b"[" * 100_000, b"\xff" * 50, b'{"state": [], "host": 1, "event": 3}\n'])
def test_no_damaged_file_keeps_a_run_from_having_a_state(run, name, damage):
    path, now = getattr(run, name), later(run)
    path.write_bytes(damage)
    assert run.status(now).state in ENDED
    path.unlink()
    os.mkfifo(path)
    assert run.status(now).state in ENDED
    path.unlink()
    path.mkdir()
    assert run.status(now).state in ENDED


def test_a_folder_that_vanished_is_lost(run):
    gone = RunFolder(run.path.with_name("20000101-000000-0000"))
    assert judged(gone) == ("lost", "moved")
    row = summarize(gone)
    assert (row.status, row.reason, row.message) == ("lost", "moved", "its folder was moved or deleted")


def test_when_a_run_ended_is_told_by_whoever_told_the_end(run):
    say(run, Finished(t=50.0))
    assert run.status().ended == 50.0
    ExitRecord("finished", ended=60.0).write(run.exit)
    assert run.status().ended == 60.0


def test_a_lost_run_ended_with_its_last_sign(run):
    occupy(run, None)
    Heartbeat(999_999_999, "running", t=40.0).write(run.heartbeat)
    assert (run.status().state, run.status().ended, run.status().beat) == ("lost", 40.0, 40.0)


def test_states_are_the_promised_nine():
    assert set(module.STATES) == {
        "queued", "starting", "running", "stopping", "finished", "stopped", "preempted", "failed", "lost",
    }  # fmt: skip
