"""The trainer as a process: exit codes, last words, signals."""

import itertools
import json
import math
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from engine import attempt as trainer
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.overrides import apply_set
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement
from engine.contract.run.create import create
from engine.contract.run.events import (
    Epoch,
    EventReader,
    Failed,
    Finished,
    Phase,
    RunStarted,
    Step,
    Stopped,
    System,
    encode,
)
from engine.contract.run.fold import RunFold
from engine.data.archives import DataError
from engine.launch import package
from engine.loop import failures
from engine.loop.observe import Diverged
from engine.loop.system import sampling

LAST_STEP_BLOWS_UP = {
    "batch_size": 320, "epochs": 1, "schedule": "constant", "optimizer": {"name": "sgd", "lr": 1e30},
    "data": {"name": "shapes"},
}  # fmt: skip
LIMIT = 240.0  # seconds until a test gives up on a process


@pytest.fixture
def new(tmp_path, make):
    """A run folder for a process of its own, on the smallest part of `shapes`."""

    def new(placement=None, **changes):
        changes = {"data": {"name": "shapes", "fraction": 0.02}, "epochs": 2} | changes
        recipe = make(**changes).recipe
        return create(tmp_path / "own", recipe, seed=3, placement=placement or Placement(threads=1))

    return new


def environment(**extra: str) -> dict[str, str]:
    return package.environment() | {"OMP_NUM_THREADS": "1"} | extra


def start(run, *, limit_bytes: int = 0, **extra: str) -> subprocess.Popen:
    def before() -> None:
        if limit_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [sys.executable, "-m", "engine", str(run.path)],
        cwd="/",
        env=environment(**extra),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def events(run):
    return EventReader(run.events).poll()


def test_a_stop_by_signal_saves_and_a_second_process_finishes(new):
    run = new(epochs=200)
    process = start(run)
    deadline = time.monotonic() + LIMIT
    while not any(isinstance(event, Step) for event in events(run)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0, process.stderr.read()
    process.stderr.close()
    seen = events(run)
    assert isinstance(seen[-1], Stopped)
    assert any(run.checkpoints.iterdir())
    assert any(isinstance(event, System) for event in seen)
    assert trainer.attempts(run) == 1


@pytest.mark.usefixtures("prepared")
def test_the_last_event_says_the_same_time_at_work_as_a_listing_and_no_sample_follows_it(new, monkeypatch):
    monkeypatch.setattr(trainer, "sampling", partial(sampling, every=0.001))
    run = new(epochs=3)
    asked = iter([False] * 12)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    with run.events.open("a") as file:
        file.write(encode(System(t=time.time(), worked=1000.0)) + "\n")  # as if it had been killed after that
    assert trainer.carry_out(run, lambda: False) == 0
    seen = events(run)
    attempts = [0.0]
    for before, event in itertools.pairwise(seen):
        assert math.isfinite(event.worked)
        if isinstance(before, System) and before.worked == 1000.0:
            attempts.append(0.0)
        attempts[-1] = max(attempts[-1], event.worked)
    assert len(attempts) == 2 and attempts[0] == 1000.0
    assert isinstance(seen[-1], Finished)
    assert seen[-1].seconds == pytest.approx(sum(attempts)) == RunFold(run.events).poll().seconds
    assert not RunFold(run.events).poll().course.work.estimated


@pytest.mark.usefixtures("prepared")
def test_without_what_it_measured_the_same_events_lead_to_nearly_the_same_time(new):
    run = new(epochs=3)
    asked = iter([False] * 12)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    count = len(events(run))
    assert trainer.carry_out(run, lambda: False) == 0
    tables = [json.loads(line) for line in run.events.read_text().splitlines()]
    attempts = [[table["t"] for table in part] for part in (tables[:count], tables[count:])]
    for at, table in enumerate(tables):  # as an older version wrote them, the second attempt a day later
        del table["worked"]
        table["t"] += 86_400.0 * (at >= count)
    run.events.write_text("".join(json.dumps(table) + "\n" for table in tables))
    work = RunFold(run.events).poll().course.work
    assert work.estimated
    wall = sum(sum(max(b - a, 0) for a, b in itertools.pairwise(times)) for times in attempts)
    assert work.seconds == pytest.approx(wall, abs=1e-3)


def test_a_signal_after_the_last_word_is_not_what_ends_it(new, tmp_path):
    """As from a supervisor that sees the folder moved a moment after the trainer did."""
    run = new(epochs=1)
    late = tmp_path / "late.py"
    late.write_text(
        "import atexit, os, runpy, signal, sys\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
        "class Last:\n"
        "    def __del__(self, kill=os.kill, me=os.getpid(), number=signal.SIGTERM): kill(me, number)\n"
        "sys.last = Last()\n"
        "sys.argv[0] = 'engine'\n"
        "runpy.run_module('engine', run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, late, run.path], env=environment(), timeout=LIMIT, check=False)
    assert ended.returncode == 0
    assert isinstance(events(run)[-1], Finished)


def test_carried_out_in_this_process_it_writes_what_it_says(new, capfd):
    run = new()
    assert trainer.carry_out(run, lambda: False) == 0
    seen = events(run)
    assert [type(event) for event in seen if isinstance(event, Phase | RunStarted | Epoch | Finished)] == [
        Phase,  # the data
        Phase,
        RunStarted,
        *[Phase, Phase, Epoch] * 2,
        Phase,
        Finished,
    ]
    assert capfd.readouterr() == ("", "")
    assert trainer.carry_out(run, lambda: False) == 0
    assert [event.attempt for event in events(run) if isinstance(event, RunStarted)] == [1, 2]


def test_a_full_disk_ends_as_such(new):
    process = start(run := new(), limit_bytes=100_000)
    _, log = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    last = events(run)[-1]
    assert isinstance(last, Failed)
    assert (last.reason, last.message) == ("disk_full", "cannot write: File too large")
    assert "Traceback" in log
    assert not list(run.checkpoints.glob("*"))


@pytest.fixture
def prepared(monkeypatch, tiny):
    """The images are there at once."""
    monkeypatch.setattr(trainer, "load", lambda config, folder, say, parts: tiny)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "changes, placement, code, reason",
    [
        ({"loss": {"name": "explodes"}}, {"parts": (str(Path(__file__).with_name("own_parts.py")),)}, 1, "diverged"),
        (LAST_STEP_BLOWS_UP, {}, 1, "diverged"),
        ({"batch_size": 500, "data": {"name": "shapes"}}, {}, 2, "bad_input"),  # `tiny` has fewer than it says
        ({}, {"device": "cuda:9"}, 2, "bad_input"),
        ({}, {"gpus": 2}, 2, "bad_input"),
    ],
)
def test_every_failure_is_the_last_event(new, changes, placement, code, reason):
    run = new(Placement(threads=1, **placement), **changes)
    assert trainer.carry_out(run, lambda: False) == code
    last = events(run)[-1]
    assert isinstance(last, Failed)
    assert last.reason == reason
    assert last.message


@pytest.mark.usefixtures("prepared")
def test_the_supervisor_says_where_to_run(new, monkeypatch):
    run = new(Placement(device="cuda", threads=1))
    monkeypatch.setenv(trainer.PLACEMENT, json.dumps({"device": "cpu", "threads": 1}))
    assert trainer.carry_out(run, lambda: False) == 0
    monkeypatch.setenv(trainer.PLACEMENT, json.dumps({"device": "toaster"}))
    assert trainer.carry_out(run, lambda: False) == 2
    assert "placement" in events(run)[-1].message


def test_a_stop_while_data_are_fetched_is_heard(new):
    run = new()
    assert trainer.carry_out(run, lambda: True) == 0
    stopped = events(run)[-1]
    assert isinstance(stopped, Stopped)
    assert (stopped.epoch, stopped.step) == (0, 0)
    asked = iter([False] * 10)
    assert trainer.carry_out(run, lambda: next(asked, True)) == 0
    before = events(run)[-1]
    assert trainer.carry_out(run, lambda: True) == 0
    stopped = events(run)[-1]
    assert (stopped.epoch, stopped.step) == (before.epoch, before.step) != (0, 0)


@pytest.mark.parametrize(
    "arguments, extra, said",
    [
        ([], {}, "usage: python -m engine RUN_DIR"),
        (["/nowhere/at-all"], {}, "run.json is missing"),
        (["/nowhere"], {package.VARIABLE: "/elsewhere/engine/__init__.py"}, "but was started by /elsewhere"),
    ],
)
def test_bad_input_is_one_line_without_importing_torch(arguments, extra, said):
    code = "import sys; from engine.__main__ import main; rc = main(sys.argv[1:]); sys.exit(9 if 'torch' in sys.modules else rc)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment(**extra), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_out_of_gpu_memory_is_told_with_who_holds_what_and_what_helps(make, monkeypatch):
    class Sampler:
        def sample(self):
            others = [{"user": "ada", "name": "python", "bytes": 17_200_000_000}]
            return System(gpus=[{"memory_others": 17.5e9, "memory_total": 24e9, "others": others}])

    failed = failures.describe(torch.OutOfMemoryError("CUDA out of memory"), make(batch_size=128).recipe, Sampler())
    assert failed.reason == "gpu_memory"
    assert "others hold 17.5 GB of 24 GB (ada: python 17.2 GB)" in failed.message
    assert "128 images at once; --set compute.accumulate=2 makes that 64" in failed.message


@pytest.mark.parametrize(
    ("sets", "need", "room", "said"),
    [
        ((), 20e9, 0.0, "128 images at once; --set compute.accumulate=2 makes that 64"),
        ((), 20e9, 24e9, "--set compute.accumulate=2 makes that 64, which takes about 10 GB"),
        ((), 20e9, 6e9, "--set compute.accumulate=4 makes that 32, which takes about 5 GB"),
        ((), 20e9, 5.5e9, "--set compute.accumulate=8 makes that 16, which takes about 2.5 GB"),  # some stays free
        (("compute.accumulate=4",), 20e9, 8e9, "32 images at once; --set compute.accumulate=16 makes that 8"),
        (("model.ghost_batch=32",), 20e9, 6e9, "--set compute.accumulate=4 makes that 32"),
        (("model.ghost_batch=64",), 20e9, 6e9, "no smaller part of the batch fits; --wait-free 20"),
        ((), 20e9, 1e8, "no smaller part of the batch fits; --wait-free 20 waits for a freer GPU"),
        (("model.ghost_batch=128",), 20e9, 0.0, "128 images at once; a smaller --batch-size needs less"),
        (("batch_size=1",), 20e9, 0.0, "it works on 1 image at once"),
    ],
)
def test_a_batch_that_should_fit_is_computed(make, sets, need, room, said):
    table = make(batch_size=128).recipe.to_table()
    for text in sets:
        table = apply_set(table, text)
    assert said in failures.advice(resolve(table, catalog()), need, room)


def test_what_could_not_be_had_counts_as_needed(make, monkeypatch):
    class Sampler:
        def sample(self):
            return System(gpus=[{"memory_others": 4e9, "memory_total": 24e9, "others": []}])

    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has 3 GiB free.")
    said = failures.describe(error, make(batch_size=128).recipe, Sampler()).message
    assert "--set compute.accumulate=2 makes that 64, which takes about 10.7 GB" in said


@pytest.mark.parametrize(
    "error, reason, said",
    [
        (BadInput(["a", "b"]), "bad_input", "a; b"),
        (DataError("no cifar"), "data", "no cifar"),
        (Diverged(3, 7, float("nan"), 0.1), "diverged", "epoch 3, step 7"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), "gpu_memory", "MPS allocated"),
        (OSError(28, "No space left on device"), "disk_full", "No space left"),
        (OSError(5, "Input/output error"), "traceback", "Input/output error"),
        (MemoryError(), "out_of_memory", "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out_of_memory", "allocate"),
        (ValueError("first\nsecond"), "traceback", "ValueError: first"),
        (AssertionError(), "traceback", "AssertionError"),
    ],
)
def test_every_exception_has_its_reason(error, reason, said):
    failed = failures.describe(error, None, None)
    assert failed.reason == reason
    assert said in failed.message
    assert reason != "traceback" or type(error).__name__ in failed.detail
