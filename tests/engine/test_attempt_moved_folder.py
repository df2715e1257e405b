"""A run folder that is moved or deleted while it trains: nothing is trained unseen, nothing is written where it was."""

import shutil
from pathlib import Path

import pytest
import torch

from engine import attempt as trainer
from engine import train
from engine.contract import home
from engine.contract.recipe.schema import Placement
from engine.contract.run.checkpoints import committed
from engine.contract.run.create import create
from engine.contract.run.event_file import EventReader, decode
from engine.contract.run.events import Failed, Finished, Resumed, Stopped
from engine.contract.run.folder import RunFolder
from engine.loop import checkpoint, trials
from engine.loop.checkpoint_files import load_weights, read
from engine.loop.observe import Totals

STEP = 3  # during which the folder goes away


@pytest.fixture
def new(tmp_path, make, monkeypatch, tiny):
    """A run folder whose images are there at once."""
    monkeypatch.setattr(trainer, "load", lambda config, folder, say, parts: tiny)
    recipe = make(data={"name": "shapes"}, epochs=2).recipe
    return lambda: create(tmp_path / "runs", recipe, seed=3, placement=Placement(threads=1))


@pytest.fixture
def during_a_step(monkeypatch):
    """Does something at the end of step STEP of the first epoch, and counts the steps that are trained."""
    steps: list[int] = []

    def arrange(act) -> list[int]:
        add = Totals.add

        def acting(self, loss, logits, y):
            add(self, loss, logits, y)
            steps.append(1)
            if len(steps) == STEP:
                act()

        monkeypatch.setattr(Totals, "add", acting)
        return steps

    return arrange


def last_event(run: RunFolder):
    return EventReader(run.events).poll()[-1]


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_weights(run.checkpoints)["model"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells where an open folder has gone")
@pytest.mark.parametrize("in_its_place", [False, True], ids=["", "another folder in its place"])
def test_a_moved_run_is_saved_where_it_lies_and_can_be_resumed_there(new, tmp_path, during_a_step, in_its_place):
    whole, run = new(), new()
    assert trainer.carry_out(whole, lambda: False) == 0
    moved = RunFolder(tmp_path / "elsewhere" / "20260101-000000-else")
    moved.path.parent.mkdir()

    def move() -> None:
        run.path.rename(moved.path)
        if in_its_place:
            run.path.mkdir()

    steps = during_a_step(move)
    assert trainer.carry_out(run, lambda: False) == 0
    assert len(steps) == STEP, "no step is trained after the move"
    last = last_event(moved)
    assert isinstance(last, Stopped)
    assert (last.epoch, last.step, last.reason) == (0, STEP, "moved")
    assert [read(path).position for path in committed(moved.checkpoints)] == [(0, STEP)]
    assert run.path.exists() is in_its_place and not (in_its_place and list(run.path.iterdir()))
    assert (moved.status().state, moved.status().reason) == ("stopped", "moved")

    assert trainer.carry_out(moved, lambda: False) == 0
    assert any(isinstance(event, Resumed) and event.exact for event in EventReader(moved.events).poll())
    assert all(torch.equal(value, weights(moved)[name]) for name, value in weights(whole).items())


def test_a_run_moved_after_its_last_step_is_finished_where_it_lies(new, tmp_path, monkeypatch):
    run = new()
    moved = RunFolder(tmp_path / "20260101-000000-else")
    write = checkpoint.write

    def moving(target, meta, files):
        if meta["why"] == "end" and run.path.exists():
            run.path.rename(moved.path)
        write(target, meta, files)

    monkeypatch.setattr(checkpoint, "write", moving)
    assert trainer.carry_out(run, lambda: False) == 0
    assert isinstance(last_event(moved), Finished)
    assert moved.predictions.exists() and [path.name for path in committed(moved.checkpoints)] == ["epoch-0002"]
    assert not run.path.exists()


def test_a_deleted_run_ends_and_says_so_in_the_file_that_is_still_open(new, during_a_step):
    run = new()
    run.events.touch()
    with run.events.open("rb") as events:
        steps = during_a_step(lambda: shutil.rmtree(run.path))
        assert trainer.carry_out(run, lambda: False) == 1
        last = decode(events.read().splitlines()[-1])
    assert isinstance(last, Failed)
    assert last.reason == "moved" and "moved or deleted" in last.message
    assert len(steps) == STEP
    assert not run.path.exists()


def test_where_nobody_tells_where_it_went_the_run_ends_and_says_so(new, tmp_path, during_a_step, monkeypatch):
    run, moved = new(), RunFolder(tmp_path / "20260101-000000-else")
    monkeypatch.setattr(home.sys, "platform", "darwin")
    steps = during_a_step(lambda: run.path.rename(moved.path))
    assert trainer.carry_out(run, lambda: False) == 1
    assert isinstance(last_event(moved), Failed)
    assert (moved.status().state, moved.status().reason) == ("failed", "moved")
    assert len(steps) == STEP
    assert not run.path.exists() and not moved.checkpoints.exists()


@pytest.mark.parametrize("act", ["rename", "delete"])
def test_before_the_first_step_too(new, tmp_path, monkeypatch, act):
    run, moved = new(), RunFolder(tmp_path / "20260101-000000-else")
    run.events.touch()

    def load(config, folder, say, parts):
        if act == "rename":
            run.path.rename(moved.path)
        else:
            shutil.rmtree(run.path)
        say("fetching", "")
        raise AssertionError("it went on")

    monkeypatch.setattr(trainer, "load", load)
    with run.events.open("rb") as events:
        assert trainer.carry_out(run, lambda: False) == (0 if act == "rename" else 1)
        last = decode(events.read().splitlines()[-1])
    assert isinstance(last, Stopped if act == "rename" else Failed) and last.reason == "moved"
    assert not run.path.exists()


@pytest.mark.parametrize("where", [(train, "prepare"), (trials, "choose_precision")], ids=["before", "while"])
@pytest.mark.parametrize("in_its_place", [False, True], ids=["", "another folder in its place"])
def test_a_folder_that_moves_while_the_machine_is_probed_is_a_stop_too(new, tmp_path, monkeypatch, where, in_its_place):
    run, moved = new(), RunFolder(tmp_path / "20260101-000000-else")
    original = getattr(*where)

    def moving(*given, **more):
        run.path.rename(moved.path)
        if in_its_place:
            run.path.mkdir()
        return original(*given, **more)

    monkeypatch.setattr(*where, moving)
    assert trainer.carry_out(run, lambda: False) == 0
    last = last_event(moved)
    assert isinstance(last, Stopped) and (last.epoch, last.step, last.reason) == (0, 0, "moved")
    assert run.path.exists() is in_its_place
    if in_its_place and where[0] is trials:
        assert not list(run.path.iterdir()) and (moved.path / "probe.json").exists()
