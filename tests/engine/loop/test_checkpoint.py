"""Checkpoints on disk: whole or absent, checked to the last byte, plain data only."""

import errno
import hashlib
import math
import os
import pickle

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run import predictions
from engine.contract.run.checkpoints import committed, read_meta, write_meta
from engine.contract.run.events import Checkpoint, Finished, Message, Resumed, RunStarted, Stopped
from engine.loop import checkpoint_files
from engine.loop.checkpoint import Checkpoints
from engine.loop.checkpoint_files import load_weights, read

IDENTITY = {"recipe_id": "r", "seed": 0}


def tree(value: float) -> dict[str, object]:
    return {"epoch": 0, "model": {"w": torch.full((64,), value)}}


@pytest.fixture
def checkpoints(tmp_path):
    made = Checkpoints(Home(tmp_path), identity=IDENTITY, made_on={})
    yield made
    made.close()


def fresh(checkpoints: Checkpoints) -> Checkpoints:
    return Checkpoints(Home(checkpoints.folder.parent), identity=IDENTITY, made_on={})


def flip(path, where: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    path.write_bytes(data)


def save_two(checkpoints: Checkpoints) -> None:
    checkpoints.save((1, 0), tree(1), None, {"s": 1}, "interval")
    checkpoints.save((2, 0), tree(2), None, {"s": 2}, "interval")
    checkpoints.written(wait=True)


@pytest.mark.parametrize("file", ["weights.pt", "state.pt", "meta.json"])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.7, 1.0])
def test_one_flipped_bit_sends_a_resume_to_the_checkpoint_before(checkpoints, file, where):
    save_two(checkpoints)
    flip(checkpoints.folder / "epoch-0002" / file, where)
    saved, notes = fresh(checkpoints).load()
    assert saved.position == (1, 0)
    assert saved.state == {"s": 1}
    assert torch.equal(saved.weights["model"]["w"], torch.full((64,), 1.0))
    assert len(notes) == 1
    assert "epoch-0002 is damaged" in notes[0]


@pytest.mark.parametrize("file", ["weights.pt", "state.pt", "meta.json"])
@pytest.mark.parametrize("size", [0, 100])
def test_a_truncated_or_missing_file_counts_as_damage(checkpoints, file, size):
    save_two(checkpoints)
    path = checkpoints.folder / "epoch-0002" / file
    if size:
        path.write_bytes(path.read_bytes()[:size])
    else:
        path.unlink()
    saved, notes = fresh(checkpoints).load()
    assert saved.position == (1, 0)
    assert "epoch-0002" in notes[0]


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("content", [pickle.dumps(Evil()), pickle.dumps({"model": Evil()}), b"garbage", b""])
def test_what_is_no_checkpoint_is_refused_without_advice_to_load_it_all_the_same(
    checkpoints, content, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save_two(checkpoints)
    folder = checkpoints.folder / "epoch-0002"
    meta = read_meta(folder)
    for name in meta["files"]:  # by somebody who knows how checksums are made
        (folder / name).unlink()
        (folder / name).write_bytes(content)
        meta["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_meta(folder, meta)
    saved, (note, *_) = fresh(checkpoints).load()
    assert saved.position == (1, 0) and not (tmp_path / "ran").exists()
    assert note.startswith("checkpoint epoch-0002 is damaged (") and note.count("\n") == 0 and len(note) < 200
    assert "weights_only" not in note and "pickle" not in note


def test_when_all_are_damaged_nothing_is_loaded_and_each_is_named(checkpoints):
    save_two(checkpoints)
    for folder in committed(checkpoints.folder):
        flip(folder / "state.pt", 0.5)
    saved, notes = fresh(checkpoints).load()
    assert saved is None
    assert ["epoch-0002" in notes[0], "epoch-0001" in notes[1]] == [True, True]


def test_a_damaged_best_costs_the_best_weights_but_no_epochs(checkpoints):
    best = tree(7) | {"epoch": 1}
    checkpoints.save((1, 0), best, best, {"s": 1}, "interval")
    checkpoints.save((2, 0), tree(2), best, {"s": 2}, "interval")
    checkpoints.written(wait=True)
    flip(checkpoints.folder / "epoch-0002" / "best.pt", 0.5)
    saved, notes = fresh(checkpoints).load()
    assert saved.position == (2, 0)
    assert saved.best is None
    assert "best" in notes[0]


def test_the_best_weights_are_written_once_and_linked_from_then_on(checkpoints):
    best = tree(7) | {"epoch": 1}
    checkpoints.save((1, 0), best, best, {}, "interval")
    checkpoints.written(wait=True)
    one = checkpoints.folder / "epoch-0001"
    assert (one / "best.pt").samefile(one / "weights.pt")
    checkpoints.save((2, 0), tree(2), best, {}, "interval")
    checkpoints.written(wait=True)
    two = checkpoints.folder / "epoch-0002"
    assert (two / "best.pt").samefile(one / "best.pt")
    assert not (two / "weights.pt").samefile(two / "best.pt")
    resumed = fresh(checkpoints)
    resumed.load()
    resumed.save((2, 3), tree(3), best, {}, "stop")
    resumed.written(wait=True)
    resumed.close()
    assert (checkpoints.folder / "epoch-0002-step-00003" / "best.pt").samefile(two / "best.pt")
    assert torch.equal(load_weights(checkpoints.folder, "best")["model"]["w"], torch.full((64,), 7.0))


def test_without_hard_links_the_best_weights_are_copied(checkpoints, monkeypatch):
    monkeypatch.setattr("pathlib.Path.hardlink_to", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    best = tree(7) | {"epoch": 1}
    checkpoints.save((1, 0), best, best, {}, "interval")
    checkpoints.save((2, 0), tree(2), best, {}, "interval")
    checkpoints.written(wait=True)
    assert torch.equal(read(checkpoints.folder / "epoch-0002").best["model"]["w"], torch.full((64,), 7.0))


def test_a_run_with_a_damaged_checkpoint_goes_on_from_the_one_before_and_says_so(make, finished):
    whole, damaged = finished(), make()
    damaged.go(stop_after=7)
    damaged.go(stop_after=3)
    first, second = committed(damaged.run.checkpoints)
    standing = read(first).position
    flip(second / "state.pt", 0.5)
    events = damaged.go()
    warning = next(event for event in events if isinstance(event, Message) and event.level == "warning")
    assert second.name in warning.text
    resumed = next(event for event in events if isinstance(event, Resumed))
    assert (resumed.epoch, resumed.step) == standing
    assert damaged.ends_as(whole)
    assert damaged.epochs() == whole.epochs()


def test_a_run_whose_best_weights_are_lost_still_finishes(make):
    trial = make()
    stream = trial.start()
    next(event for event in stream if isinstance(event, Checkpoint) and event.why == "end")
    stream.close()
    flip(committed(trial.run.checkpoints)[-1] / "best.pt", 0.5)
    events = trial.go()
    assert isinstance(events[-1], Finished)
    assert math.isnan(events[-1].best_accuracy)
    assert predictions.read(trial.run.predictions).best_epoch == 3


def test_a_half_written_checkpoint_is_never_seen_and_is_cleared_away(make):
    trial = make()
    trial.go(stop_after=3)
    half = trial.run.checkpoints / ".tmp-epoch-0009"
    half.mkdir()
    (half / "weights.pt").write_bytes(b"half")
    events = trial.go()
    assert not [event for event in events if isinstance(event, Message) and event.level == "warning"]
    assert isinstance(events[-1], Finished)
    assert not half.exists()


def test_a_full_disk_in_the_writer_thread_reaches_the_loop_and_leaves_the_last_checkpoint_whole(make, monkeypatch):
    trial = make()
    trial.go(stop_after=3)
    before = committed(trial.run.checkpoints)

    def full(path, data, **_):
        path.write_bytes(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint_files, "write_atomic", full)
    with pytest.raises(OSError, match="No space left") as caught:
        trial.go(interval=0)
    assert caught.value.errno == errno.ENOSPC
    assert list(trial.run.checkpoints.iterdir()) == before
    monkeypatch.undo()
    assert isinstance(trial.go()[-1], Finished)


def test_the_same_position_is_written_once(make):
    trial = make()
    trial.go(stop_after=3)
    folder = committed(trial.run.checkpoints)[0]
    written = (folder / "state.pt").stat().st_mtime_ns
    events = trial.go(stop_after=0)
    assert isinstance(events[-1], Stopped)
    assert [event.why for event in events if isinstance(event, Checkpoint)] == ["stop"]
    assert (folder / "state.pt").stat().st_mtime_ns == written


def test_a_link_put_in_place_of_the_folder_while_it_trains_ends_the_run_and_is_not_followed(make, tmp_path):
    trial = make()
    stream = trial.start(interval=0)
    next(event for event in stream if isinstance(event, Checkpoint))
    elsewhere = tmp_path / "elsewhere"
    trial.run.checkpoints.rename(elsewhere)
    (elsewhere / "epoch-0077").mkdir()
    (elsewhere / "mine").mkdir()
    trial.run.checkpoints.symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    with pytest.raises(BadInput, match="checkpoints is a link to"):
        list(stream)
    assert sorted(elsewhere.rglob("*")) == before


def test_a_stop_does_not_save_through_a_link(make, tmp_path):
    trial = make()
    stream = trial.start(stop_after=3)
    next(event for event in stream if isinstance(event, RunStarted))
    (tmp_path / "elsewhere" / "epoch-0077").mkdir(parents=True)
    trial.run.checkpoints.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="checkpoints is a link to"):
        list(stream)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["epoch-0077"]


def test_folders_of_the_users_own_among_the_checkpoints_stay(make):
    trial = make()
    trial.go(stop_after=3)
    (trial.run.checkpoints / "before the change").mkdir()
    (trial.run.checkpoints / "before the change" / "weights.pt").write_text("mine")
    assert isinstance(trial.go(interval=0)[-1], Finished)
    assert {path.name for path in trial.run.checkpoints.iterdir()} == {"before the change", "epoch-0003"}
