"""What every test gets: private folders, so that no test sees or touches the user's own runs, data or settings."""

import os
from pathlib import Path

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
