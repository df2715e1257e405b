"""Checkpoints without torch: their names, their order, their checksums, and what is kept."""

import hashlib
import json
import random
from pathlib import Path

import pytest

from engine.contract.run.checkpoints import (
    META,
    STATE,
    committed,
    digest,
    drop_state,
    is_ours,
    keep_only,
    name_of,
    newest_position,
    read_meta,
    write_meta,
)


def make(folder: Path, epoch: int, step: int = 0) -> Path:
    path = folder / name_of(epoch, step)
    path.mkdir(parents=True)
    (path / STATE).write_bytes(b"state")
    write_meta(path, {"epoch": epoch, "step": step, "files": {STATE: {"bytes": 5}}})
    return path


def test_checkpoints_are_listed_by_position_whatever_order_they_were_made_in(tmp_path: Path):
    positions = [(epoch, step) for epoch in (0, 1, 9, 10, 10_000) for step in (0, 1, 123_456)]
    for epoch, step in random.Random(0).sample(positions, len(positions)):
        make(tmp_path, epoch, step)
    assert [path.name for path in committed(tmp_path)] == [name_of(*position) for position in positions]
    assert newest_position(tmp_path) == positions[-1]
    assert committed(tmp_path / "missing") == [] and newest_position(tmp_path / "missing") == (0, 0)


def test_links_other_names_and_half_written_ones_do_not_count(tmp_path: Path):
    whole = make(tmp_path, 1)
    (tmp_path / ".tmp-epoch-0002").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "epoch-0003").symlink_to(whole)
    assert committed(tmp_path) == [whole]
    assert [is_ours(name) for name in ("epoch-0001", ".tmp-epoch-0001-step-00002", "epoch-1", "notes")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_changed_meta_is_noticed_and_comes_last(tmp_path: Path):
    first, second = make(tmp_path, 1), make(tmp_path, 2)
    assert read_meta(first)["epoch"] == 1 and digest(b"x") == hashlib.sha256(b"x").hexdigest()
    envelope = json.loads((first / META).read_text())
    envelope["checkpoint"]["epoch"] = 7
    (first / META).write_text(json.dumps(envelope))
    with pytest.raises(ValueError, match="SHA-256 differs"):
        read_meta(first)
    assert committed(tmp_path) == [second, first] and newest_position(tmp_path) == (2, 0)


def test_only_what_is_named_and_what_is_not_ours_stays(tmp_path: Path):
    kept = make(tmp_path, 2)
    make(tmp_path, 1)
    (tmp_path / ".tmp-epoch-0003").mkdir()
    (tmp_path / "notes.txt").touch()
    keep_only(tmp_path, [kept.name])
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept.name, "notes.txt"]
    keep_only(tmp_path / "missing", [])
    drop_state(kept)
    assert read_meta(kept)["files"] == {} and [path.name for path in kept.iterdir()] == [META]
