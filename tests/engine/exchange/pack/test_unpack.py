"""Unpacking: runs that are there already, what else is in the way, and code that must not run."""

import json
import shutil
from collections import namedtuple

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run import own_code
from engine.contract.run.store import create, remove
from engine.exchange.pack import unpack as module
from engine.exchange.pack.unpack import examine, unpack
from engine.exchange.pack.write import prepare, write
from tests.engine.own_parts import __file__ as OWN_PARTS


@pytest.fixture
def archive(run, tmp_path):
    write(prepare([run]), tmp_path / "a.tar.zst")
    return tmp_path / "a.tar.zst"


def test_the_same_run_is_left_as_it_is(run, archive):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    found = examine(archive, run.path.parent)
    assert found.present == (run.id,) and found.new == []
    assert unpack(found) == []
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_another_run_of_the_same_id_is_refused(run, archive):
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"seed": 99}))
    with pytest.raises(BadInput, match=f"run {run.id}: .* has another run of this id"):
        examine(archive, run.path.parent)


def test_a_run_in_the_trash_is_refused_with_the_way_back(run, archive):
    remove(run, [run.path.parent])
    with pytest.raises(BadInput, match=f"runs restore {run.id}"):
        examine(archive, run.path.parent)


def test_only_what_is_new_is_unpacked(run, tmp_path, ended_run):
    other = ended_run(run.recipe(), 4, [0.7])
    write(prepare([run, other]), tmp_path / "b.tar.zst")
    shutil.rmtree(other.path)
    assert [new.id for new in unpack(examine(tmp_path / "b.tar.zst", run.path.parent))] == [other.id]
    assert other.status().state == "finished"
    assert {path.name for path in run.path.parent.iterdir()} == {run.id, other.id}, "nothing is left over"


def test_the_run_records_where_it_came_from_and_is_private(run, archive, tmp_path):
    (copy,) = unpack(examine(archive, tmp_path / "theirs"))
    told = json.loads(copy.unpacked.read_text())
    assert told["archive"] == "a.tar.zst" and len(told["sha256"]) == 64
    assert copy.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in copy.path.rglob("*") if path.is_file()} == {0o600}


def test_code_that_came_with_an_archive_needs_a_confirmation(run, tmp_path):
    own = create(tmp_path / "ours", run.recipe(), seed=1, placement=Placement(parts=(OWN_PARTS,)))
    own.exit.write_text(json.dumps({"state": "stopped"}))
    assert own_code.doubts(own) == []
    write(prepare([own]), tmp_path / "own.tar.zst")
    (copy,) = unpack(examine(tmp_path / "own.tar.zst", tmp_path / "theirs"))
    (doubt,) = own_code.doubts(copy)
    assert "came with an archive" in doubt
    with pytest.raises(own_code.Untrusted):
        own_code.approve([copy], trust=False)


def test_a_full_disk_is_refused_before_and_leaves_nothing_behind(run, archive, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "disk_usage", lambda place: usage(1000))
        with pytest.raises(BadInput, match="1 kB free; the archive unpacks to"):
            examine(archive, tmp_path / "theirs")
    found = examine(archive, tmp_path / "theirs")
    monkeypatch.setattr(module.os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(BadInput, match="No space left on device"):
        unpack(found)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_an_archive_that_changes_between_check_and_unpacking_is_refused(run, archive, tmp_path, ended_run):
    found = examine(archive, tmp_path / "theirs")
    archive.unlink()
    write(prepare([ended_run(run.recipe(), 5, [0.7])]), archive)
    with pytest.raises(BadInput, match="changed while it was being unpacked"):
        unpack(found)
    assert list((tmp_path / "theirs").iterdir()) == []
