"""Packing: what goes in, that it comes out again, and what is refused."""

import json

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Message
from engine.contract.run.store import create, summarize
from engine.exchange.pack.manifest import read_manifest
from engine.exchange.pack.unpack import examine, unpack
from engine.exchange.pack.write import prepare, write
from tests.engine.exchange.pack.conftest import contents_of
from tests.engine.own_parts import __file__ as OWN_PARTS


def test_a_run_comes_out_as_it_went_in(finished_run, tmp_path):
    run = finished_run()
    run.add_label(note="good")
    packing = prepare([run])
    size = write(packing, tmp_path / "a.tar.zst")
    assert size == (tmp_path / "a.tar.zst").stat().st_size
    (copy,) = unpack(examine(tmp_path / "a.tar.zst", tmp_path / "theirs"))
    packed = {entry.file for entry in packing.manifest.entries}
    assert packed >= {
        "run.json",
        "recipe.toml",
        "events.jsonl",
        "predictions.npz",
        "labels.jsonl",
        "exit.json",
        "log.txt",
    }
    assert not any(name.startswith("checkpoints") or name in ("lock", "proc.json", "heartbeat.json") for name in packed)
    for name in packed:
        assert (copy.path / name).read_bytes() == (run.path / name).read_bytes(), name
    ours, theirs = summarize(run), summarize(copy)
    assert theirs.to_json() | {"size_bytes": 0} == ours.to_json() | {"size_bytes": 0}
    assert theirs.notes == ("good",)


def test_weights_go_in_only_when_asked_for_and_without_the_state_to_resume_from(finished_run, tmp_path):
    run = finished_run()
    write(prepare([run], weights=True), tmp_path / "a.tar.zst")
    (copy,) = unpack(examine(tmp_path / "a.tar.zst", tmp_path / "theirs"))
    there = {path.name for path in copy.checkpoints.rglob("*.*")}
    assert there == {"meta.json", "weights.pt", "best.pt"}
    from engine.loop.checkpoint_files import load_weights  # checks every hash

    assert load_weights(copy.checkpoints, "last")["epoch"] == run.info().epochs


def test_packing_twice_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        write(prepare([run]), tmp_path / f"{name}.tar.zst")
    assert (tmp_path / "a.tar.zst").read_bytes() == (tmp_path / "b.tar.zst").read_bytes()


def test_the_members_tell_neither_user_nor_time(run, tmp_path):
    import io
    import tarfile

    import zstandard

    write(prepare([run]), tmp_path / "a.tar.zst")
    data = zstandard.ZstdDecompressor().stream_reader((tmp_path / "a.tar.zst").read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in tar} == {
            (0, 0, "", "", 0)
        }


def test_the_manifest_is_first_and_lists_every_file(run, tmp_path):
    packing = prepare([run])
    write(packing, tmp_path / "a.tar.zst")
    (first, data), *rest = contents_of(tmp_path / "a.tar.zst").items()
    assert first == "manifest.json" and read_manifest(data) == packing.manifest
    assert [name for name, _ in rest] == [entry.path for entry in packing.manifest.entries]


def test_own_parts_travel_along(tmp_path, run):
    own = create(tmp_path / "runs", run.recipe(), seed=1, placement=Placement(parts=(OWN_PARTS,)))
    own.exit.write_text(json.dumps({"state": "stopped"}))
    packing = prepare([own])
    assert "parts/own_parts.py" in {entry.file for entry in packing.manifest.entries}


@pytest.mark.parametrize("twice", [True, False], ids=["twice", "live"])
def test_runs_that_cannot_be_packed(run, tmp_path, twice):
    if twice:
        with pytest.raises(BadInput, match="given twice"):
            prepare([run, run])
        return
    run.exit.unlink()
    run.events.unlink()
    with pytest.raises(BadInput, match="is starting: only runs that have ended can be packed"):
        prepare([run])


def test_a_link_is_not_followed(run, tmp_path):
    run.log.symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match=r"log\.txt: a symbolic link"):
        prepare([run])


def test_a_file_that_is_far_too_large_is_refused(run):
    run.exit.write_bytes(b" " * (5 << 20))
    with pytest.raises(BadInput, match=r"exit\.json: larger than"):
        prepare([run])


def test_a_file_that_changes_meanwhile_leaves_no_archive(run, tmp_path):
    packing = prepare([run])
    with EventWriter(run.events) as events:
        events.write(Message(text="late"))
    with pytest.raises(BadInput, match=r"events\.jsonl changed while it was being packed"):
        write(packing, tmp_path / "a.tar.zst")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays(run, tmp_path):
    (tmp_path / "a.tar.zst").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        write(prepare([run]), tmp_path / "a.tar.zst")
    assert (tmp_path / "a.tar.zst").read_text() == "mine"
