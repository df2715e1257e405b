"""A run is removed only when that is safe."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.folder import RESERVE_BYTES
from engine.contract.process import ExitRecord, ProcRecord, boot_id, host_name
from engine.contract.store import RunFolder, create, remove


def test_a_removed_run_is_gone(root, run):
    ExitRecord("finished").write(run.exit)
    run.checkpoints.mkdir()
    (run.checkpoints / "weights").write_text("x")
    remove(run, [root])
    assert list(root.iterdir()) == []


def test_a_run_that_lives_or_is_held_is_not_removed(root, run, worker):
    with pytest.raises(BadInput, match="it is starting"):
        remove(run, [root])
    ProcRecord(host_name(), boot_id(), worker(run.path)).write(run.proc)
    ExitRecord("finished").write(run.exit)  # forged
    with pytest.raises(BadInput, match="stop it first"):
        remove(run, [root])
    run.proc.unlink()
    with run.hold(), pytest.raises(BadInput, match="in use by another process"):
        remove(run, [root])
    assert run.recipe()


def test_only_a_run_of_the_first_root_is_removed(root, run, recipe, tmp_path):
    other = create(tmp_path / "archive", recipe, seed=0)
    ExitRecord("finished").write(other.exit)
    with pytest.raises(BadInput, match="read-only"):
        remove(other, [root, tmp_path / "archive"])
    assert other.recipe()


def test_links_and_other_folders_are_never_removed(root, run, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (root / "20200101-000000-link").symlink_to(precious)
    (root / "important").mkdir()
    for name in ("20200101-000000-link", "important", "20200101-000000-none"):
        with pytest.raises(BadInput, match="no run folder"):
            remove(RunFolder(root / name), [root])
    with pytest.raises(BadInput, match="read-only"):
        remove(RunFolder(root / run.id / ".." / ".." / "precious"), [root])
    assert (precious / "file").exists() and (root / "important").exists()


def test_a_link_inside_a_run_is_removed_but_not_followed(root, run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("x")
    (run.path / "checkpoints").symlink_to(tmp_path / "data")
    ExitRecord("finished").write(run.exit)
    assert run.size_bytes() < 10_000 + RESERVE_BYTES
    remove(run, [root])
    assert (tmp_path / "data" / "file").exists()
