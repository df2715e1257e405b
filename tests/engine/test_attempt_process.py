"""The trainer as a process: exit codes, signals, a full disk, bad input."""

import resource
import signal
import subprocess
import sys
import time

import pytest

from engine import attempt as trainer
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Failed, Finished, Step, Stopped, System
from engine.launch import package

pytestmark = pytest.mark.usefixtures("shapes_ready")

LIMIT = 240.0  # seconds until a test gives up on a process


def events(run):
    return EventReader(run.events).poll()


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
    assert trainer.count_attempts(run) == 1


def test_a_signal_after_the_last_word_does_not_end_it_and_what_it_does_not_need_is_not_imported(new, tmp_path):
    """The signal is as from a supervisor that sees the folder moved a moment after the trainer did.

    The compiler and torchvision each take about as long to import as torch itself; this run uses neither.
    """
    run = new(epochs=1)
    late = tmp_path / "late.py"
    late.write_text(
        "import atexit, os, runpy, signal, sys\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
        "atexit.register(lambda: print(*sys.modules))\n"
        "class Last:\n"
        "    def __del__(self, kill=os.kill, me=os.getpid(), number=signal.SIGTERM): kill(me, number)\n"
        "sys.last = Last()\n"
        "sys.argv[0] = 'engine'\n"
        "runpy.run_module('engine', run_name='__main__')"
    )
    ended = subprocess.run(
        [sys.executable, late, run.path],
        env=environment(),
        timeout=LIMIT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ended.returncode == 0
    assert isinstance(events(run)[-1], Finished)
    imported = set(ended.stdout.split())
    assert "torch.optim" in imported and "engine.loop.compiling" in imported
    assert not imported & {"torch._dynamo", "torch._inductor", "torchvision", "PIL.Image", "sympy", "scipy"}


def test_a_full_disk_ends_as_such(new):
    process = start(run := new(), limit_bytes=100_000)
    _, log = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    last = events(run)[-1]
    assert isinstance(last, Failed)
    assert (last.reason, last.message) == ("disk_full", "cannot write: File too large")
    assert "Traceback" in log
    assert not list(run.checkpoints.glob("*"))


@pytest.mark.parametrize(
    "arguments, extra, said",
    [
        ([], {}, "usage: python -m engine RUN_DIR"),
        (["/nowhere/at-all"], {}, "run.json is missing"),
        (["/nowhere"], {package.VARIABLE: "/elsewhere/engine/__init__.py"}, "but was started from /elsewhere"),
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
