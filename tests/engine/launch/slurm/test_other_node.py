"""One run on two real Slurm nodes of this machine, with gloo on their CPU: it is one run wherever its ranks are."""

import json
import os
import signal
import socket
from typing import Any

import psutil
import pytest
import torch

from engine.analysis.energy import energy
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Checkpoint, Finished, Resumed, System
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import JobRecord
from engine.contract.run.process import ExitRecord
from engine.launch import control, devices, local, restart, start
from engine.launch.slurm import rendezvous, submit
from tests.engine.launch.slurm.cluster import RECIPE

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.usefixtures("real_slurm", "real_ranks", "shapes_ready"),
    pytest.mark.timeout(1200),
]

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


@pytest.fixture
def real_ranks(quick_supervisor: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer of the jobs is a real one that can be held; ranks on the CPU are allowed."""
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(devices.CPU_RANKS, "1")


def make(bench: Bench, **placement: Any) -> RunFolder:
    run: RunFolder = bench.make(recipe=RECIPE, threads=1, **placement)
    return run


def finished(bench: Bench, **placement: Any) -> RunFolder:
    """A run of this machine that has finished undisturbed."""
    run = make(bench, **placement)
    local.start(run, supervisor=bench.supervisor, timeout=60)
    assert bench.ended(run).state == "finished"
    return run


def inside_second_epoch(run: RunFolder) -> int:
    """How many checkpoints the run has made there."""
    events = EventReader(run.events).poll()
    return sum(isinstance(event, Checkpoint) and event.epoch == 1 and event.step > 0 for event in events)


def further(bench: Bench, run: RunFolder, before: int = 0) -> None:
    """Wait until the run has made another checkpoint in the second epoch."""

    def made() -> bool:
        assert run.status().state != "failed", run.log.read_text()
        return inside_second_epoch(run) > before

    bench.until(made)


def ranks(bench: Bench) -> dict[int, psutil.Process]:
    """The living ranks, by number."""
    found = {}
    for process in bench.alive():
        if "real_trainer.py" in " ".join(process.cmdline()) and "torch.distributed.run" not in process.cmdline():
            found[int(process.environ()["RANK"])] = process
    return found


def node_of(process: psutil.Process) -> str:
    return str(process.environ()["SLURMD_NODENAME"])


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    saved = torch.load(run.checkpoints / "epoch-0002" / "weights.pt", weights_only=True)
    found: dict[str, torch.Tensor] = saved["model"]
    return found


def sampled_together(run: RunFolder) -> set[tuple[str, ...]]:
    """The GPUs of each sample, as hosts and UUIDs."""
    samples = [event for event in EventReader(run.events).poll() if isinstance(event, System)]
    return {tuple(f"{gpu['host']} {gpu['uuid']}" for gpu in sample.gpus) for sample in samples}


def test_two_nodes_train_one_run_stop_and_resume_with_the_result_of_two_ranks_on_one_node(
    bench: Bench, real_slurm: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAKE_CARDS", "1")
    run = make(bench, launcher="slurm", gpus=2, nodes=2)
    (run.path / "hold").touch()
    with real_slurm.closed():
        start.start(run)
        job = JobRecord.read(run.path)
        assert job is not None
        first = rendezvous.FIRST_PORT + int(job.job) % rendezvous.PORTS
        taken = socket.create_server(("", first))  # by a program of another user
    with taken:
        further(bench, run)
    assert json.loads((run.path / rendezvous.FILE).read_text())["port"] > first
    pair = ranks(bench)
    assert {rank: node_of(process) for rank, process in pair.items()} == {0: "n1", 1: "n2"}
    bench.until(lambda: ("n1 GPU-n1", "n2 GPU-n2") in sampled_together(run))
    bench.until(lambda: energy(run.events) > 0)
    monkeypatch.delenv("FAKE_CARDS")

    control.stop(run)
    assert bench.ended(run).state == "stopped"
    bench.until(lambda: not ranks(bench) and run.status().state == "stopped")
    assert bench.record(run).message == "stopped in epoch 2"

    before = inside_second_epoch(run)
    restart.resume(run)
    further(bench, run, before)
    ranks(bench)[1].kill()
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "killed"), record
    assert record.message.startswith("rank 1: node n2: ended without giving a reason")  # while rank 0 waits for it
    bench.until(lambda: not ranks(bench))

    before = inside_second_epoch(run)
    restart.resume(run)
    further(bench, run, before)
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not bench.alive())  # by Slurm, which ends the step on all nodes after KillWait

    bench.until(lambda: not run.status().live)
    (run.path / "hold").unlink()
    restart.resume(run)
    assert bench.ended(run).state == "finished", run.log.read_text()
    events = EventReader(run.events).poll()
    assert [event.exact for event in events if isinstance(event, Resumed)] == [True] * 3
    assert sum(isinstance(event, Finished) for event in events) == 1, "rank 0 alone writes"
    assert JobRecord.read(run.path).resubmitted == 0

    same, alone = weights(finished(bench, gpus=2)), weights(bench.undisturbed(RECIPE))
    found = weights(run)
    assert found.keys() == same.keys() == alone.keys() and len(found) >= 10
    assert all(torch.equal(value, same[name]) for name, value in found.items())
    apart = {name: (value - alone[name]).norm() / alone[name].norm() for name, value in found.items()}
    assert max(apart.values()) < 2e-3, apart  # after 62 steps; 4e-4 was measured


def test_a_warning_a_cancellation_and_a_kill_end_the_ranks_on_both_nodes(bench: Bench, real_slurm: Any):
    run = make(bench, launcher="slurm", gpus=2, nodes=2)
    (run.path / "hold").touch()
    start.start(run)
    further(bench, run)

    real_slurm.ask("scancel", "--signal=USR2", JobRecord.read(run.path).job)
    bench.until((run.exits / "1.json").exists)  # the next job has begun
    before = inside_second_epoch(run)
    further(bench, run, before)
    told = ExitRecord.read(run.exits / "1.json")
    assert told is not None and (told.state, told.reason) == ("preempted", "time_limit")
    assert JobRecord.read(run.path).resubmitted == 1 and sorted(ranks(bench)) == [0, 1]

    real_slurm.ask("scancel", JobRecord.read(run.path).job)
    assert (bench.record(run).state, bench.record(run).reason) == ("stopped", "cancelled")
    bench.until(lambda: not ranks(bench))

    before = inside_second_epoch(run)
    restart.resume(run)
    further(bench, run, before)
    assert [event.exact for event in EventReader(run.events).poll() if isinstance(event, Resumed)] == [True] * 2
    control.kill(run, patience=30.0)
    assert bench.ended(run).reason == "killed"
    bench.until(lambda: not bench.alive())


def test_a_node_that_dies_ends_the_run_by_name_and_a_resume_goes_on(
    bench: Bench, real_slurm: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAKE_GRACE", f"{submit.grace_seconds():g}")
    run = make(bench, launcher="slurm", gpus=2, nodes=2)
    (run.path / "hold").touch()
    start.start(run)
    further(bench, run)

    dead = [process for process in bench.alive() if node_of(process) == "n2"]
    assert len(dead) >= 3, "the task, torchrun's agent, and its rank"
    for process in dead:  # they stand still: a node without power closes no connection
        process.suspend()
    real_slurm.kill_node("n2")
    real_slurm.ask("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test")
    record = bench.record(run)
    assert (record.state, record.reason) == ("lost", "node_failure"), record
    assert record.message.startswith("node n2 failed; ")
    bench.until(lambda: all(process in dead for process in bench.alive()))  # no rank survives on the other node
    assert JobRecord.read(run.path).resubmitted == 0
    for process in dead:
        process.kill()
    bench.until(lambda: not bench.alive())

    real_slurm.start_node("n2")
    bench.until(lambda: real_slurm.idle() == 2)
    (run.path / "hold").unlink()
    restart.resume(run)
    assert bench.ended(run).state == "finished", run.log.read_text()
    assert [event.exact for event in EventReader(run.events).poll() if isinstance(event, Resumed)] == [True]
