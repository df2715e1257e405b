"""A run of two ranks under torchrun and the real supervisor: it ends as a whole, for one reason, and can go on."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Checkpoint, Finished, Resumed, RunStarted
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import ProcRecord
from engine.launch import control, devices, local, restart

pytestmark = [pytest.mark.usefixtures("shapes_ready")]

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported

RECIPE = {
    "epochs": 2,
    "batch_size": 32,
    "augmentation": ["random_crop", "mixup"],
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
    "averaging": {"name": "ema", "decay": 0.9},
    "data": {"name": "shapes", "fraction": 0.2},
    "compute": {"precision": "fp32"},
}


@pytest.fixture(autouse=True)
def real_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(devices.CPU_RANKS, "1")


def make(bench: Bench, **placement: Any) -> RunFolder:
    run: RunFolder = bench.make(recipe=RECIPE, threads=1, gpus=2, **placement)
    return run


def inside_second_epoch(run: RunFolder) -> int:
    """How many checkpoints the run has made there."""
    events = EventReader(run.events).poll()
    return sum(isinstance(event, Checkpoint) and event.epoch == 1 and event.step > 0 for event in events)


def ranks(run: RunFolder) -> list[psutil.Process]:
    """The living ranks, in order."""
    proc = ProcRecord.read(run.proc)
    assert proc is not None and proc.trainer is not None
    found = [one for one in psutil.Process(proc.trainer.pid).children() if str(run.path) in one.cmdline()]
    return sorted(found, key=lambda one: int(one.environ()["RANK"]))


def gone(processes: list[psutil.Process]) -> bool:
    return all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in processes)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    saved: dict[str, torch.Tensor] = torch.load(run.checkpoints / "epoch-0002" / "weights.pt", weights_only=True)[
        "model"
    ]
    return saved


def test_whatever_ends_a_run_of_two_ranks_ends_both_and_its_result_stays_the_same(bench: Bench):
    whole, broken = make(bench), make(bench)
    local.start(whole, supervisor=bench.supervisor, timeout=60)
    assert bench.ended(whole).state == "finished"
    started = next(event for event in EventReader(whole.events).poll() if isinstance(event, RunStarted))
    assert started.steps_per_epoch == 62  # of the whole batch; a checkpoint is written long before the last one

    (broken.path / "hold").touch()
    local.start(broken, supervisor=bench.supervisor, timeout=60)
    bench.until(lambda: inside_second_epoch(broken))
    pair = ranks(broken)
    assert len(pair) == 2
    pair[1].kill()
    assert (bench.record(broken).state, bench.record(broken).reason) == ("failed", "killed")
    assert gone(pair)

    before = inside_second_epoch(broken)
    restart.resume(broken, supervisor=bench.supervisor)
    bench.until(lambda: inside_second_epoch(broken) > before)
    pair, agent = ranks(broken), bench.processes(broken)[1]
    os.kill(agent.pid, signal.SIGKILL)
    assert bench.record(broken).state == "failed"
    bench.until(lambda: gone(pair))  # by the kernel, since nobody else knows them

    before = inside_second_epoch(broken)
    restart.resume(broken, supervisor=bench.supervisor)
    bench.until(lambda: inside_second_epoch(broken) > before)
    pair, supervisor = ranks(broken), bench.processes(broken)[0]
    os.kill(supervisor.pid, signal.SIGKILL)
    bench.until(lambda: not psutil.pid_exists(supervisor.pid) or gone([psutil.Process(supervisor.pid)]))
    assert not gone(pair[:1]) and not gone(pair[1:]), "agent and ranks go on without a supervisor"
    control.stop(broken, supervisor=bench.supervisor)
    assert bench.ended(broken).state == "stopped"
    assert gone(pair)

    (broken.path / "hold").unlink()
    restart.resume(broken, supervisor=bench.supervisor)
    assert bench.ended(broken).state == "finished"
    resumed = [event for event in EventReader(broken.events).poll() if isinstance(event, Resumed)]
    assert [event.exact for event in resumed] == [True] * 3
    expected, found = weights(whole), weights(broken)
    assert expected.keys() == found.keys() and len(expected) >= 10
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert sum(isinstance(event, Finished) for event in EventReader(broken.events).poll()) == 1, "rank 0 alone writes"


def test_a_kill_ends_every_rank_a_rank_that_fails_gives_its_reason_and_one_rank_goes_on(bench: Bench, tmp_path: Path):
    run = make(bench)
    (run.path / "hold").touch()
    local.start(run, supervisor=bench.supervisor, timeout=60)
    bench.until(lambda: inside_second_epoch(run))
    pair = ranks(run)
    control.kill(run, supervisor=bench.supervisor)
    assert bench.ended(run).reason == "killed"
    bench.until(lambda: gone(pair))

    (run.path / "fail").write_text("1")
    restart.resume(run, supervisor=bench.supervisor)
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "out_of_memory")
    assert record.message.startswith("rank 1: the machine has no memory left (MemoryError")
    told = json.loads((run.path / "failures" / "rank-1.json").read_text())
    assert (told["rank"], told["reason"]) == (1, "out_of_memory")

    (run.path / "fail").unlink()
    (run.path / "hold").unlink()
    with pytest.raises(BadInput, match="batch_size: 32 does not divide among 3 GPUs"):
        restart.resume(run, {"gpus": 3}, supervisor=bench.supervisor)
    restart.resume(run, {"gpus": 1}, supervisor=bench.supervisor)
    assert bench.ended(run).state == "finished"
    assert not list((run.path / "failures").iterdir())
    resumed = [event.why for event in EventReader(run.events).poll() if isinstance(event, Resumed)]
    assert resumed[-1] == "resumed, not bit-identical: gpus 2 is now 1"


def test_a_rank_that_hangs_is_named_whether_its_process_or_its_training_stands_still(bench: Bench, monkeypatch):
    monkeypatch.setenv("FAKE_PATIENCE", "5 15")
    monkeypatch.setenv("FAKE_GRACE", "2")
    run = make(bench)
    (run.path / "hold").touch()
    local.start(run, supervisor=bench.supervisor, timeout=60)
    bench.until(lambda: inside_second_epoch(run))
    pair = ranks(run)
    pair[1].send_signal(signal.SIGSTOP)
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "hung")
    assert record.message == "rank 1 hangs: no sign of life from its process for 5 s"
    assert gone(pair)

    restart.resume(run, supervisor=bench.supervisor)  # rank 0 is held
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "hung")
    assert record.message == "rank 0 hangs: no progress for 15 s while the other ranks wait for it"
    assert " in held_fit" in run.log.read_text(), "the stacks tell where it stands"
