"""What every test gets: private folders, so that no test sees or touches the user's own runs, data or settings."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.contract.events import Epoch, EventWriter, RunStarted
from engine.contract.recipe import Placement, Recipe
from engine.contract.records import ExitRecord
from engine.contract.store import RunFolder, create, runs_root

REAL_DATA = os.environ.get("CIFAR_TUI_DATA", "")  # read once, before the isolation below hides it


@pytest.fixture(autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every folder the program writes to (runs, data, cache, settings, queue) into a fresh one."""
    home = tmp_path_factory.mktemp("home")
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
    return home


@pytest.fixture(scope="session")
def cifar10_dir() -> Path:
    """The folder that holds the real CIFAR-10 batches ($CIFAR_TUI_DATA), else the test is skipped."""
    folder = Path(REAL_DATA) if REAL_DATA else None
    if folder is None or not (folder / "cifar-10-batches-py" / "test_batch").is_file():
        pytest.skip("no real CIFAR-10: set CIFAR_TUI_DATA to a folder with cifar-10-batches-py")
    return folder


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
        ExitRecord(state=state, reason="diverged" if state == "failed" else "", ended=begin + 100).write(run.exit)
        return run

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
