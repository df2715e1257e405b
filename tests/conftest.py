"""What every test gets: private folders, so that no test sees or touches the user's own runs, data or settings."""

import ctypes
import fcntl
import gc
import getpass
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import settings

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import NAN, Epoch, Event, Failed, Finished, RunStarted, Stopped
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import RunFolder, create, runs_root
from engine.data.arrays import cache_path
from engine.data.shapes import shapes
from engine.launch import control, local, restart

gc.set_threshold(50_000)  # as the program sets it: else a third of the time to collect the tests is spent on garbage

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers that compute with all cores each wait for one another

# Container images often set it; each of the hundreds of processes that the tests start would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes depends on the other workers; pytest-timeout ends what hangs.
settings.register_profile("busy", settings.default, deadline=None)
settings.load_profile("busy")

REAL_DATA = os.environ.get("CIFAR_TUI_DATA", "")  # read once, before the isolation below hides it

COMPILED = os.environ.get("TORCHINDUCTOR_CACHE_DIR") or f"{tempfile.gettempdir()}/torchinductor_{getpass.getuser()}"
"""Where torch itself would keep what it compiles: in a folder of its own each test would compile everything again."""


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores for `-n auto`, since many tests wait for the processes that they have started."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + 1, 16)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import a share of the test modules before the others, since every worker of xdist has to import all of them.

    In a fresh clone the workers then compile each module once between them, and read what the others have compiled.
    """
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker is None or any(Path(argument).is_file() or "::" in argument for argument in session.config.args):
        return
    folders = [session.config.invocation_params.dir / argument for argument in session.config.args]
    files = sorted({file for folder in folders for file in folder.rglob("test_*.py")})
    for file in files[int(worker.removeprefix("gw")) :: workers]:
        with suppress(Exception):  # collection imports it once more and reports what is wrong
            importlib.import_module(".".join(file.relative_to(session.config.rootpath).with_suffix("").parts))


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def private_folders(homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every folder the program writes to (runs, data, cache, settings, queue) into a fresh one."""
    home = Path(tempfile.mkdtemp(dir=homes))  # `mktemp` of pytest reads the names of all folders to find a number
    for variable, name in {
        "XDG_DATA_HOME": "data",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_STATE_HOME": "state",
        "XDG_RUNTIME_DIR": "run",
        "CIFAR_TUI_RUNS": "runs",
        "CIFAR_TUI_QUEUE": "queue",
    }.items():
        monkeypatch.setenv(variable, str(home / name))
    monkeypatch.delenv("CIFAR_TUI_DATA", raising=False)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", COMPILED)
    return home


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """Build the tree of commands once: Typer builds all of it anew at each call within a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def cifar10_dir() -> Path:
    """The folder that holds the real CIFAR-10 batches ($CIFAR_TUI_DATA), else the test is skipped."""
    folder = Path(REAL_DATA) if REAL_DATA else None
    if folder is None or not (folder / "cifar-10-batches-py" / "test_batch").is_file():
        pytest.skip("no real CIFAR-10: set CIFAR_TUI_DATA to a folder with cifar-10-batches-py")
    return folder


def _last_word(state: str, accuracies: Sequence[float], t: float) -> Event:
    """What the trainer says at the end of a run."""
    match state:
        case "finished":
            last, best = (accuracies[-1], max(accuracies)) if accuracies else (NAN, NAN)
            return Finished(epochs=len(accuracies), last_accuracy=last, best_accuracy=best, t=t)
        case "failed":
            return Failed(reason="diverged", message="the loss is nan", t=t)
        case _:
            return Stopped(epoch=len(accuracies), t=t)


@pytest.fixture
def mortal() -> Iterator[None]:
    """Permissions hold for this test, also where it runs as root: Linux lets a thread give up that privilege."""
    if os.geteuid():
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root reads everything here")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the interface, this thread
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice 32 bits of each
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
    yield
    sets[0] = before
    assert libc.capset(header, sets) == 0


@pytest.fixture
def ended_run() -> Callable[..., RunFolder]:
    """Make a run that has come to its end, without training: one event an epoch, with the accuracies given."""

    def make(
        recipe: Recipe, seed: int, accuracies: Sequence[float], *, state: str = "finished", **facts: Any
    ) -> RunFolder:
        tags = facts.pop("tags", ())
        run = create(runs_root(), recipe, seed=seed, placement=Placement(tags=tags), preset="quickstart")
        begin = run.info().created
        with EventWriter(run.events) as events:
            events.write(
                RunStarted(**{"epochs": recipe.epochs, "test_images": 1000, "t": begin, "worked": 0.0} | facts)
            )
            for number, accuracy in enumerate(accuracies, 1):
                events.write(
                    Epoch(
                        number, 1 / number, 0.5 + accuracy / 2, test_loss=1 - accuracy, test_accuracy=accuracy,
                        t=begin + number, worked=float(number),
                    )
                )  # fmt: skip
            events.write(_last_word(state, accuracies, begin + len(accuracies)))
        ExitRecord(state=state, reason="diverged" if state == "failed" else "", ended=begin + 100).write(run.exit)
        return run

    return make


Make = Callable[[Path], None]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Make], Path]:
    """`made_once(name, make)`: a folder that `make` fills once per test run, whatever the number of workers."""
    own = tmp_path_factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder(name: str, make: Make) -> Path:
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (base / name / "made").exists():
                shutil.rmtree(base / name, ignore_errors=True)  # of a worker that could not make it
                (base / name).mkdir()
                make(base / name)
                (base / name / "made").touch()
        return base / name

    return folder


@contextmanager
def private_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def generated_shapes(made_once: Callable[[str, Make], Path]) -> Path:
    """The cache of the generated data set."""

    def generate(home: Path) -> None:
        with pytest.MonkeyPatch.context() as patch, private_umask():
            patch.setenv("XDG_CACHE_HOME", str(home))
            shapes("", lambda phase, note: None)
            cache_path("shapes").rename(home / "shapes.npz")

    return made_once("generated-shapes", generate) / "shapes.npz"


@pytest.fixture
def shapes_ready(private_folders: Path, generated_shapes: Path) -> None:
    """Spare a test that trains on the generated images to generate all of them."""
    with private_umask():
        put_shapes(generated_shapes)


def put_shapes(generated: Path) -> None:
    """Make them those of the cache folder that is set."""
    path = cache_path("shapes")
    path.parent.mkdir(parents=True)
    path.symlink_to(generated)


@dataclass(frozen=True)
class EngineRuns:
    """One run of the engine at two moments of its life."""

    stopped: Path
    """Stopped in its second epoch: two checkpoints to go on from."""
    finished: Path
    """The same run, resumed and finished with `keep = "all"`: two checkpoints, both with optimizer state."""


def clone(source: Path, target: Path) -> Path:
    """Copy a folder; files that are hard links to each other stay so."""
    copies: dict[int, str] = {}

    def copy(file: str, to: str) -> str:
        inode = Path(file).stat().st_ino
        if inode in copies:
            Path(to).hardlink_to(copies[inode])
        else:
            copies[inode] = shutil.copy2(file, to)
        return to

    return shutil.copytree(source, target, symlinks=True, copy_function=copy)


@pytest.fixture(scope="session")
def engine_runs(made_once: Callable[[str, Make], Path], generated_shapes: Path) -> EngineRuns:
    """Train a tiny run with the real trainer under the real supervisor, once per test run. Copy it, never use it.

    It stops and resumes on the way, so the folder holds everything that a run folder can hold.
    """
    home = made_once("engine-runs", lambda home: train_tiny(home, generated_shapes))
    (stopped,), (finished,) = (home / "stopped").iterdir(), (home / "runs").glob("2*")
    return EngineRuns(stopped, finished)


def train_tiny(home: Path, generated: Path) -> None:
    launch = Path(__file__).parent / "engine" / "launch"
    table = {
        "epochs": 2,
        "batch_size": 32,
        "model": "lenet",
        "augmentation": ["random_crop", "horizontal_flip"],
        "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
        "averaging": {"name": "ema", "decay": 0.9},
        "data": {"name": "shapes", "fraction": 0.05},
        "compute": {"precision": "fp32"},
    }
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "CIFAR_TUI_QUEUE"):
            patch.setenv(variable, str(home / variable.lower()))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("FAKE_TRAINER", "real_trainer.py")  # the real one, saving all the time
        put_shapes(generated)
        recipe = resolve(table, catalog())
        placement = Placement(device="cpu", threads=1, keep="all", name="tiny", tags=("engine",))
        run = create(home / "runs", recipe, seed=3, placement=placement, preset="quickstart", changes="tiny")
        supervisor = (str(launch / "fake_supervisor.py"),)
        pause, paused = run.path / "pause", run.path / "paused"  # in the second epoch
        pause.touch()
        local.start(run, supervisor=supervisor, timeout=120)
        while not paused.exists():
            assert run.status().live, run.status()
            time.sleep(0.05)
        control.stop(run)
        assert control.wait(run, 120).state == "stopped", run.status()
        pause.unlink()
        paused.unlink()
        clone(run.path, home / "stopped" / run.id)
        restart.resume(run, supervisor=supervisor)
        assert control.wait(run, 120).state == "finished", run.status()


@pytest.fixture
def copy_run() -> Callable[..., RunFolder]:
    """Put a copy of a run folder into a runs folder, under its own id, or a new one where that is taken."""

    def copy(source: Path, root: Path | None = None, *, teacher: str = "") -> RunFolder:
        root = root or runs_root()
        number, target = 0, root / source.name
        while target.exists():
            number, target = number + 1, root / f"{source.name[:-4]}{number:04d}"
        run = RunFolder(clone(source, target))
        told = json.loads(run.run_json.read_text()) | {"id": run.id}
        run.run_json.write_text(json.dumps(told | ({"teacher": {"id": teacher}} if teacher else {})))
        return run

    return copy


@pytest.fixture
def finished_run(engine_runs: EngineRuns, copy_run: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """Make a finished run, as the engine leaves it with `keep = "all"`: `finished_run(root=None, teacher="")`."""

    def make(root: Path | None = None, *, teacher: str = "") -> RunFolder:
        return copy_run(engine_runs.finished, root, teacher=teacher)

    return make


@pytest.fixture
def stopped_run(engine_runs: EngineRuns, copy_run: Callable[..., RunFolder]) -> Callable[..., RunFolder]:
    """Make a run that was stopped in its second epoch, as the engine leaves it."""

    def make(root: Path | None = None, *, teacher: str = "") -> RunFolder:
        return copy_run(engine_runs.stopped, root, teacher=teacher)

    return make


def pytest_collection_finish() -> None:
    """Leave out what the imports have made from every later search for garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
