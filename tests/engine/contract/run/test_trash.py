"""A run is removed only when that is safe, into a trash that gives it back."""

import os
import stat

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.index import Index
from engine.contract.run.process import ExitRecord, ProcRecord, boot_id, host_name
from engine.contract.run.store import (
    RunFolder,
    create,
    empty,
    find,
    in_trash,
    purge,
    remove,
    restore,
    summarize,
    trash_bytes,
    trash_of,
)


def identities(run: RunFolder) -> dict[str, tuple[int, ...]]:
    """Mode, inode, size and time stamp of everything in a run. Not ctime: holding the lock changes that of its file."""
    entries = {str(path.relative_to(run.path)): path.stat() for path in run.path.rglob("*")}
    return {name: (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns) for name, found in entries.items()}


def test_a_removed_run_lies_in_the_trash_and_comes_back_with_every_byte(root, finished_run):
    run = finished_run(root)
    row, size = summarize(run), run.size_bytes()
    before = identities(run)
    remove(run, [root])
    assert Index().rows([root]) == [] and in_trash(root) == [RunFolder(trash_of(root) / run.id)]
    assert trash_bytes(root) == size
    assert restore(find([trash_of(root)], run.id), [root]) == run
    assert summarize(run) == row and in_trash(root) == [] and trash_bytes(root) == 0
    assert identities(run) == before


def test_a_purged_run_is_gone_from_the_runs_and_from_the_trash(root, finished_run):
    here, there = finished_run(root), finished_run(root)
    remove(there, [root])
    purge(here, [root])
    purge(*in_trash(root), [root])
    assert [path.name for path in root.iterdir()] == [".trash"] and list(trash_of(root).iterdir()) == []


def test_emptying_the_trash_spares_what_is_not_ours_and_names_what_stays(root, finished_run):
    busy, run, left = finished_run(root), finished_run(root), finished_run(root)
    left.path.rename(root / f".removed-{left.id}-00c0ffee")
    remove(busy, [root])
    remove(run, [root])
    (trash_of(root) / "letters").mkdir()
    there = RunFolder(trash_of(root) / busy.id)
    with there.hold(), pytest.raises(BadInput, match=f"run {busy.id} is in use"):
        empty(root)
    assert in_trash(root) == [there]
    assert empty(root)[0] == [busy.id]
    assert [path.name for path in trash_of(root).iterdir()] == ["letters"] and len(list(root.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o700, 0o2770])
def test_the_trash_is_as_open_as_the_runs_folder(root, run, mode):
    ExitRecord("finished").write(run.exit)
    root.chmod(mode)
    before = os.umask(0o077)
    remove(run, [root])
    os.umask(before)
    assert stat.S_IMODE(trash_of(root).stat().st_mode) == mode


def test_only_what_lies_in_the_trash_of_the_first_root_is_restored(root, run, tmp_path):
    ExitRecord("finished").write(run.exit)
    with pytest.raises(BadInput, match="is not in"):
        restore(run, [root])
    remove(run, [root])
    (tmp_path / "other").mkdir()
    with pytest.raises(BadInput, match="is not in"):
        restore(*in_trash(root), [tmp_path / "other"])
    with pytest.raises(BadInput, match="read-only"):
        purge(*in_trash(root), [tmp_path / "other"])
    assert len(in_trash(root)) == 1


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
    for act in (remove, purge):
        for name in ("20200101-000000-link", "important", "20200101-000000-none"):
            with pytest.raises(BadInput, match="not a run folder"):
                act(RunFolder(root / name), [root])
        with pytest.raises(BadInput, match="read-only"):
            act(RunFolder(root / run.id / ".." / ".." / "precious"), [root])
    assert (precious / "file").exists() and (root / "important").exists()
