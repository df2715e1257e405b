"""Small files that appear whole, with the permissions of their folder, and locks that end with their process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import files
from engine.contract.errors import BadInput
from engine.contract.files import is_denied, listed, locked, make_folder, read_bytes, read_file, read_json, write_atomic


@given(st.binary(max_size=200), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, data, durable):
    path = tmp_path_factory.mktemp("files") / "file"
    write_atomic(path, b"before")
    write_atomic(path, data, durable=durable)
    assert read_file(path) == read_bytes(path) == path.read_bytes() == data
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_atomic(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("parent", "folder", "file"), [(0o700, 0o700, 0o600), (0o2770, 0o2770, 0o660)])
def test_permissions_are_those_of_the_folder_whatever_the_umask(tmp_path, umask, parent, folder, file):
    tmp_path.chmod(parent)
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "folder")
        write_atomic(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "folder").stat().st_mode & 0o7777 == folder
    assert (tmp_path / "file").stat().st_mode & 0o7777 == file
    make_folder(tmp_path / "folder", exist_ok=True)
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file", exist_ok=True)


def test_only_a_regular_file_of_sane_size_is_read(tmp_path: Path):
    (tmp_path / "large").write_bytes(b"x" * 5000)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("large")
    assert read_bytes(tmp_path / "fifo") is read_bytes(tmp_path / "link") is read_bytes(tmp_path / "missing") is None
    assert len(read_file(tmp_path / "link", follow=True)) == 5000
    with pytest.raises(OSError, match="larger than 4 KiB"):
        read_file(tmp_path / "large", 4999)
    assert read_json(tmp_path / "large") is None and not is_denied(tmp_path / "missing")


def test_entries_are_listed_by_suffix(tmp_path: Path):
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).touch()
    assert listed(tmp_path, ".json") == sorted(tmp_path.glob("*.json"))
    assert listed(tmp_path / "missing", "") == [] == listed(tmp_path / "c.txt", "")


def test_a_lock_excludes_other_processes_and_ends_with_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from engine.contract.files import locked\n"
        "with locked(Path(sys.argv[1]), wait=False): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin and holder.stdout and holder.stdout.readline() == "held\n"
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    with pytest.raises(BadInput, match=r"^in use$"), locked(path, wait=False, refusal="in use"):
        pass
    with pytest.raises(BadInput, match="is locked by"), locked(path, wait=True):
        pass
    holder.kill()
    holder.communicate()
    with locked(path, wait=False) as fd:
        assert os.fstat(fd).st_ino == path.stat().st_ino
