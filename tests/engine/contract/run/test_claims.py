"""Claiming an attempt: of several processes one succeeds, with locks and without them."""

import errno
import fcntl
import json
import multiprocessing
import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.claims import claim_attempt
from engine.contract.run.process import ExitRecord, Heartbeat, Identity, me
from engine.contract.run.store import RunFolder

DEAD = 999_999_999


def claimed(run: RunFolder, number: int, owner: Identity, age: float = 0.0) -> None:
    folder = run.path / "attempts"
    folder.mkdir(exist_ok=True)
    (folder / str(number)).write_text(json.dumps(asdict(owner)))
    past = time.time() - age
    os.utime(folder / str(number), (past, past))


def elsewhere(pid: int = 4711) -> Identity:
    return Identity("login2", "another-boot", pid, 1.0)


def test_attempts_are_numbered_from_one_and_say_whose_they_are(run):
    assert claim_attempt(run.path, me()) == 1
    assert json.loads((run.path / "attempts" / "1").read_text())["pid"] == os.getpid()
    ExitRecord("stopped", attempt=1).write(run.exit)
    assert claim_attempt(run.path, me()) == 2


def test_an_attempt_of_a_living_process_is_refused_and_one_of_a_dead_process_is_passed_over(run):
    claimed(run, 1, me())
    with pytest.raises(BadInput, match="has already begun attempt 1"):
        claim_attempt(run.path, me())
    claimed(run, 1, Identity(**{**asdict(me()), "pid": DEAD}))
    assert claim_attempt(run.path, me()) == 2


def test_a_claim_of_another_machine_counts_while_it_is_young_or_its_heart_beats(run):
    claimed(run, 1, elsewhere(), age=5.0)
    with pytest.raises(BadInput, match="login2 has already begun attempt 1"):
        claim_attempt(run.path, me())
    claimed(run, 1, elsewhere(), age=600.0)
    Heartbeat(4711, "running", t=time.time(), beats=3).write(run.heartbeat)
    with pytest.raises(BadInput, match="login2 has already begun attempt 1"):
        claim_attempt(run.path, me())
    Heartbeat(4711, "running", t=time.time() - 600.0, beats=4).write(run.heartbeat)
    run2 = RunFolder(run.path)
    from engine.contract.run import pulse

    pulse._last_reads.clear()  # as another process that has not seen it beat
    assert claim_attempt(run2.path, me()) == 2


def test_a_claim_that_is_not_written_yet_counts_while_it_is_young(run):
    claimed(run, 1, elsewhere())
    (run.path / "attempts" / "1").write_text("")
    with pytest.raises(BadInput, match="another process has already begun attempt 1"):
        claim_attempt(run.path, me())


def _resume(run: Path, gate: object, results: object) -> None:
    gate.wait()
    try:
        results.put(claim_attempt(run, me()))
        time.sleep(1.0)  # alive, as a supervisor would be
    except BadInput as refusal:
        results.put(str(refusal))


def test_of_two_login_nodes_that_resume_a_run_at_once_one_wins(run):
    """Without the lock, which another host may not see."""
    ExitRecord("stopped", attempt=1).write(run.exit)
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(2), context.Queue()
    nodes = [context.Process(target=_resume, args=(run.path, gate, results)) for _ in range(2)]
    for node in nodes:
        node.start()
    outcomes = [results.get(timeout=60) for _ in nodes]
    for node in nodes:
        node.join()
    assert 2 in outcomes
    (refused,) = (outcome for outcome in outcomes if outcome != 2)
    assert "has already begun attempt 2" in refused


def test_a_file_system_without_locks_is_noted_and_no_error(run, monkeypatch):
    def refuse(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    notes: list[str] = []
    with run.hold(notes.append):
        pass
    assert notes == [f"{run.lock} cannot be locked on this file system: No locks available"]
    run.add_label(tag="still-works")
    assert run.labels().tags == ("still-works",)
