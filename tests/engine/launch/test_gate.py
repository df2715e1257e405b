"""No trainer works that no record names: the gate in front of it opens only when `proc.json` is written."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from engine.contract.run.process import ProcRecord
from engine.launch import control, local, queue, restart
from engine.launch.child import GATE, Child
from engine.launch.gate import SHUT

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported

DYING = """
    import os, signal, sys
    from fake_supervisor import trainer
    from engine.launch import supervise
    from engine.launch.ledger import Ledger
    from engine.launch.child import Child
    from engine.launch.waiting import Timing

    die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    record, release = Ledger.record, Child.release
    after = {after!r}

    def recorded(self, identity):
        if identity is not None and after == "spawn":
            die()
        record(self, identity)
        if identity is not None and after == "record":
            die()

    def released(self):
        release(self)
        die()

    Ledger.record = recorded
    if after == "release":
        Child.release = released
    sys.exit(supervise.main(sys.argv[1:], trainer=trainer, timing=Timing(beat=0.2, poll=0.05)))
"""


@pytest.fixture
def dying(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Starts a run whose supervisor is killed right after it did something."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def start(after: str) -> Any:
        script = tmp_path / f"after_{after}.py"
        script.write_text(textwrap.dedent(DYING).replace("{after!r}", repr(after)))
        run = bench.make("work")
        local.start(run, supervisor=(str(script),), timeout=60)
        return run

    return start


@pytest.mark.parametrize("after", ["spawn", "record"])
def test_a_supervisor_killed_before_it_opened_the_gate_leaves_nothing_behind(bench: Bench, dying, after: str):
    run = dying(after)
    status = bench.ended(run)
    bench.until(lambda: not bench.alive() and queue.tickets() == [])
    assert not run.events.exists() and not (run.path / "seen.txt").exists()
    assert (status.state, status.reason) == ("lost", "supervisor_lost")
    restart.resume(run, supervisor=bench.supervisor)
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_supervisor_killed_after_it_opened_the_gate_leaves_a_trainer_that_can_be_stopped(bench: Bench, dying):
    run = dying("release")
    bench.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
    bench.until(lambda: run.status().reason == "supervisor_lost")
    assert run.status().live
    control.stop(run, supervisor=bench.supervisor)
    assert bench.record(run).state == "stopped"
    bench.until(lambda: not bench.alive())


def test_the_identity_on_record_is_that_of_the_trainer_itself(bench: Bench):
    run = bench.working()
    _, trainer = bench.processes(run)
    command = Path(f"/proc/{trainer.pid}/cmdline").read_bytes().split(b"\0")
    assert command[1].endswith(b"fake_trainer.py")
    assert ProcRecord.read(run.proc).trainer == trainer


def test_the_gate_becomes_any_command_with_its_arguments_and_environment(tmp_path: Path):
    """Whatever several GPUs will put there: here a shell, whose process id stays that of the gate."""
    out = tmp_path / "out.txt"
    command = ["/bin/sh", "-c", 'echo "$$ $GREETING $1" > "$2"', "sh", "a b", str(out)]
    child = Child(command, {**os.environ, "GREETING": "hello"}, ())
    assert not out.exists()
    child.release()
    while not child.gone():
        pass
    assert out.read_text() == f"{child.identity.pid} hello a b\n"
    assert child.reap() == 0


def test_a_child_that_is_never_released_does_nothing_and_ends(tmp_path: Path):
    child = Child(["/bin/sh", "-c", f"touch {tmp_path}/ran"], dict(os.environ), ())
    assert not child.gone()
    assert child.reap() in (SHUT, -signal.SIGKILL)
    assert not (tmp_path / "ran").exists()


def test_a_trainer_killed_at_the_gate_is_no_error_of_the_supervisor(tmp_path: Path):
    child = Child(["/bin/true"], dict(os.environ), ())
    os.kill(child.identity.pid, signal.SIGKILL)
    while not child.gone():
        pass
    child.release()
    assert child.reap() == -signal.SIGKILL


def test_a_closed_pipe_ends_the_gate():
    behind, latch = os.pipe()
    gate = subprocess.Popen([*GATE, str(behind), "0", sys.executable, "-c", "raise SystemExit(3)"], pass_fds=(behind,))
    os.close(behind)
    os.close(latch)
    assert gate.wait(timeout=60) == SHUT
