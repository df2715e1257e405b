"""Run folders without a trainer, and idle processes that carry a run folder on their command line."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.run.process import Identity, identify
from engine.contract.run.store import RunFolder, create


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    table = {"epochs": 3, "batch_size": 8, "model": "lenet", "augmentation": [], "optimizer": {"name": "sgd"}}
    return resolve(table, catalog())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def run(root: Path, recipe: Recipe) -> RunFolder:
    return create(root, recipe, seed=7, preset="tiny", changes="lr .1→.2")


@pytest.fixture
def worker() -> Iterator[Callable[[Path | str], Identity]]:
    """Starts a process that does nothing, with a folder on its command line."""
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path | str) -> Identity:
        process = subprocess.Popen(["/bin/sh", "-c", "read line; :", "worker", str(folder)], stdin=subprocess.PIPE)
        started.append(process)
        while not psutil.Process(process.pid).cmdline():  # none for an instant after it was started
            pass
        return identify(process.pid)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin
        process.stdin.close()
