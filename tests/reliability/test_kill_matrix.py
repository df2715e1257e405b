"""Whatever is killed and whenever: the run tells the truth about it, holds nothing any more, and can be gone on with.

Real supervisors and real signals. Two tables have a trainer that takes no time; at the end the real one is interrupted
at moments drawn at random, and its weights must come out as if nothing had happened.
"""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Finished, Resumed
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ExitRecord, ProcRecord, alive
from engine.launch import control, local, queue, restart
from engine.loop.checkpoint_files import load_weights

spec = importlib.util.spec_from_file_location(
    "launch_bench", Path(__file__).parents[1] / "engine" / "launch" / "conftest.py"
)
assert spec and spec.loader
launch_bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(launch_bench)
bench = launch_bench.bench

Bench = Any
pytestmark = pytest.mark.slow

KILL, TERM, INT, HUP, STOP, SEGV = (
    signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP, signal.SIGSEGV,
)  # fmt: skip
PREEMPT, KILL_IT = signal.SIGUSR2, signal.SIGUSR1


def running(bench: Bench) -> RunFolder:
    return bench.working()


def stopping(bench: Bench) -> RunFolder:
    """A trainer that does not hear the stop that it was sent."""
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    return run


def queued(bench: Bench) -> RunFolder:
    bench.holder = bench.working()
    run = bench.start()
    bench.until(lambda: run.status().state == "queued")
    return run


# moment, victims, signal -> the state right after it (None: it goes on as before), and what ends what is left
MATRIX = [
    (running, "trainer", KILL, ("failed", "killed"), None),
    (running, "trainer", SEGV, ("failed", "killed"), None),
    (running, "trainer", TERM, ("stopped", ""), None),
    (running, "trainer", INT, ("failed", "killed"), None),
    (running, "trainer", HUP, ("running", ""), control.stop),
    (running, "trainer", STOP, ("running", ""), control.kill),
    (running, "supervisor", KILL, ("running", "supervisor_lost"), control.stop),
    (running, "supervisor", KILL, ("running", "supervisor_lost"), control.kill),
    (running, "supervisor", TERM, ("stopped", ""), None),
    (running, "supervisor", INT, ("stopped", ""), None),
    (running, "supervisor", PREEMPT, ("preempted", ""), None),
    (running, "supervisor", KILL_IT, ("stopped", "killed"), None),
    (running, "supervisor", HUP, ("running", ""), control.stop),
    (running, "supervisor", STOP, ("running", ""), control.kill),
    (running, "supervisor and trainer", KILL, ("lost", "supervisor_lost"), None),
    (running, "trainer and supervisor", KILL, ("lost", "supervisor_lost"), None),
    (stopping, "trainer", KILL, ("stopped", ""), None),
    (stopping, "supervisor", KILL, ("running", "supervisor_lost"), control.kill),
    (stopping, "supervisor", KILL_IT, ("stopped", "killed"), None),
    (stopping, "supervisor and trainer", KILL, ("lost", "supervisor_lost"), None),
    (queued, "supervisor", KILL, ("lost", "supervisor_lost"), None),
    (queued, "supervisor", TERM, ("stopped", ""), None),
    (queued, "supervisor", PREEMPT, ("preempted", ""), None),
    (queued, "supervisor", HUP, ("queued", ""), control.cancel),
    (queued, "supervisor", STOP, ("queued", ""), control.kill),
]


def name(value: object) -> str | None:
    if isinstance(value, signal.Signals):
        return value.name
    return getattr(value, "__name__", value if isinstance(value, str) else None)


@pytest.mark.parametrize(("moment", "victims", "number", "after", "act"), MATRIX, ids=name)
def test_kill(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    moment: Callable[[Bench], RunFolder],
    victims: str,
    number: signal.Signals,
    after: tuple[str, str],
    act: Callable[..., object] | None,
):
    run = moment(bench)
    supervisor = alive_supervisor(run)
    for victim in victims.split(" and "):
        pid = supervisor if victim == "supervisor" else bench.processes(run)[1].pid
        with suppress(ProcessLookupError):  # the second victim may have noticed that the first is dead
            os.kill(pid, number)

    def told() -> bool:
        status = run.status()
        return (status.state, status.reason) == after

    bench.until(told)
    if act is not None:
        more = {} if act is control.cancel else {"supervisor": bench.supervisor}
        act(run, **more | ({"patience": 0.5} if act is control.kill else {}))
    ended = bench.ended(run)
    assert ended.state in ("stopped", "preempted", "failed", "lost")
    if act is None:
        assert (ended.state, ended.reason) == after

    if holder := getattr(bench, "holder", None):
        control.stop(holder)
        bench.ended(holder)
    bench.until(lambda: not bench.alive() and queue.tickets() == [])
    assert garbage(run) == 0

    (run.path / "fake.txt").write_text("finish")
    restart.resume(run, supervisor=bench.supervisor)
    assert bench.record(run).state == "finished"
    assert sum(path.suffix == ".json" for path in run.exits.iterdir()) == (ended.state != "lost")


def alive_supervisor(run: RunFolder) -> int:
    record = ProcRecord.read(run.proc)
    assert record is not None and alive(record.supervisor, run.path)
    return record.supervisor.pid


def garbage(run: RunFolder) -> int:
    reader = EventReader(run.events)
    reader.poll()
    return reader.garbage


# --- the real trainer -----------------------------------------------------------------------------------------

RECIPE = {
    "epochs": 4,
    "batch_size": 32,
    "augmentation": ["random_crop", "horizontal_flip"],
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
    "averaging": {"name": "ema", "decay": 0.9},
    "data": {"name": "shapes", "fraction": 0.4},
    "compute": {"precision": "fp32"},
}
WAYS = ("kill the trainer", "kill both", "kill the supervisor, then stop", "stop", "move the folder")


def interrupt(bench: Bench, run: RunFolder, way: str) -> RunFolder:
    """End an attempt in some way; the run where it lies then."""
    supervisor, trainer = bench.processes(run)
    victims = {"kill the trainer": [trainer], "kill both": [supervisor, trainer]}.get(way, [])
    if way == "kill the supervisor, then stop":
        victims = [supervisor]
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim.pid, KILL)
    if way == "move the folder":
        there = run.path.parent.with_name(f"{run.path.parent.name}.moved") / run.id
        there.parent.mkdir()
        run.path.rename(there)
        ended = bench.ended(RunFolder(there))
        assert (ended.state, ended.reason) in (("stopped", "moved"), ("finished", "")), ended  # it may have been done
        assert not run.path.exists()
        return RunFolder(there)
    if way in ("stop", "kill the supervisor, then stop"):
        bench.until(lambda: not alive(supervisor, run.path) or way == "stop")
        with suppress(control.BadInput):  # it finished meanwhile
            control.stop(run, supervisor=bench.supervisor)
    bench.ended(run)
    return run


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_interrupted_at_random_ends_bit_identical(bench: Bench, monkeypatch: pytest.MonkeyPatch, seed: int):
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(launch_bench, "PATIENCE", 300.0)
    draw = random.Random(seed)
    whole, run = (bench.make(recipe=RECIPE, threads=1) for _ in range(2))
    local.start(whole, supervisor=bench.supervisor, timeout=60)
    assert bench.ended(whole).state == "finished"
    took = EventReader(whole.events).poll()[-1].seconds

    ways = draw.sample(WAYS, len(WAYS))
    for number, way in enumerate(ways):
        seen = run.events.stat().st_size if run.events.exists() else 0
        if number == 0:
            local.start(run, supervisor=bench.supervisor, timeout=60)
        else:
            restart.resume(run, supervisor=bench.supervisor)
        bench.until(lambda run=run, seen=seen: started_since(run, seen) or not run.status().live)
        time.sleep(draw.uniform(0, took / 4))
        if not run.status().live:
            break
        run = interrupt(bench, run, way)
    if run.status().state != "finished":
        restart.resume(run, supervisor=bench.supervisor)
        assert bench.ended(run).state == "finished"

    events = EventReader(run.events).poll()
    assert isinstance(events[-1], Finished) and garbage(run) == 0
    assert all(event.exact for event in events if isinstance(event, Resumed))
    expected, found = (load_weights(one.checkpoints)["model"] for one in (whole, run))
    assert expected.keys() == found.keys() and len(expected) >= 10
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert [path.name for path in run.checkpoints.iterdir()] == ["epoch-0004"], "and nothing half written is left"


def started_since(run: RunFolder, size: int) -> bool:
    if not run.events.exists():
        return False
    with run.events.open("rb") as file:
        file.seek(size)
        return b'"run_started"' in file.read()


def test_a_run_moved_while_it_trains_as_a_user_sees_it(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """`mv runs/ID moved/`, then `runs show` and `runs stop` there, with the real trainer."""
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setattr(launch_bench, "PATIENCE", 300.0)
    run = bench.make(recipe=RECIPE | {"epochs": 200}, threads=1)
    local.start(run, supervisor=bench.supervisor, timeout=60)
    bench.until(lambda: run.events.exists() and b'"step"' in run.events.read_bytes())
    there = RunFolder(run.path.parent.with_name("moved") / run.id)
    there.path.parent.mkdir()
    run.path.rename(there.path)

    def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-c",
            "from tui.cli import main; main()",
            *arguments,
            "--runs-dir",
            there.path.parent,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    bench.until(lambda: not there.status().live)
    assert "stopped (moved): the folder was moved; stopped in epoch" in cli("runs", "show", run.id).stdout
    stopped = cli("runs", "stop", run.id)
    assert stopped.returncode == 2 and "is not active: it is stopped (moved)" in stopped.stderr
    assert ExitRecord.read(there.exit).reason == "moved"
    assert list(there.checkpoints.iterdir()) and not run.path.exists()
    bench.until(lambda: not bench.alive())
