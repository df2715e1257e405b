"""How the tests are run: settings, the order of work and what all workers share. The fixtures are in `tests/fixtures`."""

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import typer.main
from hypothesis import settings

# Each after those it imports: assertions of a module are rewritten only if pytest is the first to import it.
pytest_plugins = ["tests.fixtures.folders", "tests.fixtures.shapes", "tests.fixtures.runs"]

gc.disable()  # until the tests are collected: else a third of that time is spent on a search for garbage

os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers that compute with all cores each wait for one another

# Container images often set it; each of the hundreds of processes that the tests start would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes depends on the other workers; pytest-timeout ends what hangs.
settings.register_profile("busy", settings.default, deadline=None)
settings.load_profile("busy")


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


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """Build the tree of commands once: Typer builds all of it anew at each call within a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_outlives_a_power_cut() -> Iterator[None]:
    """Let no test wait until the disk has written a file, which takes milliseconds for each of tens of thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses a closed file as well
        yield


def pytest_collection_finish() -> None:
    """Leave out what the imports have made from every later search for garbage."""
    gc.freeze()
    gc.set_threshold(50_000)  # as the program sets it
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and begin with the tests that wait for a scheduler, while others compute."""
    items.sort(key=lambda item: item.get_closest_marker("slurm") is None)
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
