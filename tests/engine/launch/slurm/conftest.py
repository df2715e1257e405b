"""Stand-ins for Slurm, and a real cluster of two nodes for the tests with the mark `slurm`."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.launch.slurm import submit

HERE = Path(__file__).parent


def load(name: str) -> ModuleType:
    """A module beside this file, which pytest's import mode does not put on the path."""
    spec = importlib.util.spec_from_file_location(f"slurm_tests_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """What a process remembers of a cluster is forgotten before and after each test."""
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()
    yield
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return load("fakes").FakeSlurm(tmp_path / "slurm-bin", monkeypatch)


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two real nodes on this machine; the test is skipped where Slurm is not installed."""
    cluster = load("cluster")
    if problem := cluster.missing():
        pytest.skip(problem)
    running = cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    yield running
    running.stop()


@pytest.fixture
def real_slurm(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The cluster, empty, with its commands on this process's $PATH."""
    monkeypatch.setenv("SLURM_CONF", str(nodes.conf))
    monkeypatch.setenv("PATH", nodes.environment["PATH"])
    yield nodes
    nodes.clear()
