"""The real trainer under the real supervisor: whatever interrupts a run, its result stays the same."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Checkpoint, Resumed
from engine.contract.run.folder import RunFolder
from engine.launch import control, local, restart

pytestmark = pytest.mark.usefixtures("shapes_ready")

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported

RECIPE = {
    "epochs": 2,
    "batch_size": 32,
    "augmentation": ["random_crop", "horizontal_flip"],
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
    "averaging": {"name": "ema", "decay": 0.9},
    "data": {"name": "shapes", "fraction": 0.1},
    "compute": {"precision": "fp32"},
}


@pytest.fixture(autouse=True)
def real_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TRAINER", "real_trainer.py")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def inside_second_epoch(run: RunFolder) -> int:
    """How many checkpoints the run has made there."""
    events = EventReader(run.events).poll()
    return sum(isinstance(event, Checkpoint) and event.epoch == 1 and event.step > 0 for event in events)


def final_weights(run: RunFolder) -> dict[str, torch.Tensor]:
    (file,) = run.checkpoints.glob("epoch-0002/weights.pt")
    return dict(flat(torch.load(file, weights_only=True)))


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, torch.Tensor):
            yield prefix + key, value


def test_a_run_that_was_killed_and_stopped_ends_bit_identical_to_one_that_was_not(bench: Bench):
    whole, broken = bench.undisturbed(RECIPE), bench.make(recipe=RECIPE, threads=1)
    hold = broken.path / "hold"
    hold.touch()
    local.start(broken, supervisor=bench.supervisor, timeout=60)
    bench.until(lambda: inside_second_epoch(broken))
    os.kill(bench.processes(broken)[1].pid, signal.SIGKILL)
    assert (bench.ended(broken).state, bench.ended(broken).reason) == ("failed", "killed")

    before = inside_second_epoch(broken)
    restart.resume(broken, supervisor=bench.supervisor)
    bench.until(lambda: inside_second_epoch(broken) > before)
    control.stop(broken)
    assert bench.ended(broken).state == "stopped"

    hold.unlink()
    restart.resume(broken, supervisor=bench.supervisor)
    assert bench.ended(broken).state == "finished"
    resumed = [event for event in EventReader(broken.events).poll() if isinstance(event, Resumed)]
    assert [event.exact for event in resumed] == [True, True]
    assert all(event.epoch == 1 and event.step > 0 for event in resumed)
    expected, found = final_weights(whole), final_weights(broken)
    assert expected.keys() == found.keys() and len(expected) >= 10
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    with np.load(whole.predictions) as one, np.load(broken.predictions) as two:
        assert all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.slow
def test_a_shared_run_is_open_to_the_group_in_every_file_and_opens_nothing_else(bench: Bench, private_folders: Path):
    run = bench.make(recipe=RECIPE | {"epochs": 1}, threads=1, share="group")
    local.start(run, supervisor=bench.supervisor, timeout=60)
    assert bench.ended(run).state == "finished"
    (run.path / "fake.txt").unlink()  # the bench's own
    modes = {path.relative_to(run.path): stat.S_IMODE(path.stat().st_mode) for path in (run.path, *run.path.rglob("*"))}
    assert {Path("checkpoints/epoch-0001/weights.pt"), Path("predictions.npz"), Path("probe.json")} < set(modes)
    assert {
        path: mode for path, mode in modes.items() if mode != (0o2770 if (run.path / path).is_dir() else 0o660)
    } == {}
    outside = [path for path in private_folders.rglob("*") if bench.root not in (path, *path.parents)]
    assert [path for path in outside if path.stat().st_mode & 0o077] == []


def test_a_stop_saves_nothing_through_a_link_in_place_of_the_checkpoints(bench: Bench, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("FAKE_INTERVAL", "1e9")
    few = {"data": {"name": "shapes", "fraction": 0.05}}
    run, elsewhere = bench.make(recipe=RECIPE | few, threads=1), tmp_path / "elsewhere"
    (run.path / "pause").touch()
    local.start(run, supervisor=bench.supervisor, timeout=60)
    bench.until((run.path / "paused").exists)
    (elsewhere / "thesis").mkdir(parents=True)
    (elsewhere / "epoch-0001").mkdir()  # named as ours are
    run.checkpoints.symlink_to(elsewhere)
    control.stop(run)
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "bad_input")
    assert record.message.startswith(f"cannot write to run {run.id}: checkpoints is a link to {elsewhere}")
    assert {path.name for path in elsewhere.rglob("*")} == {"thesis", "epoch-0001"}
    run.checkpoints.unlink()
    (run.path / "pause").unlink()
    restart.resume(run, supervisor=bench.supervisor)
    assert bench.ended(run).state == "finished"
