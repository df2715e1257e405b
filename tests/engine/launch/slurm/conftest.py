"""Stand-ins for Slurm, and a real cluster of two nodes for the tests with the mark `slurm`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.contract.run import squeue
from engine.launch import job_script
from engine.launch.slurm import submit
from tests.engine.launch.slurm.cluster import Cluster, missing
from tests.engine.launch.slurm.fakes import FakeSlurm

SUPERVISOR = Path(__file__).parents[1] / "fake_supervisor.py"


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """What a process remembers of a cluster is forgotten before and after each test."""
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()
    yield
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    return FakeSlurm(tmp_path / "slurm-bin", monkeypatch)


@pytest.fixture
def quick_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run the supervisor of these tests, with a trainer that does what it is told; Slurm is asked more often."""
    real = job_script.supervise

    def supervise(run: Path, changes: Any, *options: str) -> list[str]:
        python, _, _, *rest = real(run, changes, *options)
        return [python, str(SUPERVISOR), *rest]

    monkeypatch.setattr(job_script, "supervise", supervise)
    monkeypatch.setattr(squeue, "POLL_SECONDS", 0.5)


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two real nodes on this machine; the test is skipped where Slurm is not installed."""
    if problem := missing():
        pytest.skip(problem)
    running = Cluster(tmp_path_factory.mktemp("slurm"))
    yield running
    running.stop()


@pytest.fixture
def real_slurm(nodes: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster, empty, with its commands on this process's $PATH."""
    monkeypatch.setenv("SLURM_CONF", str(nodes.conf))
    monkeypatch.setenv("PATH", nodes.environment["PATH"])
    yield nodes
    nodes.clear()
