"""A folder that is kept open is found again after a move on Linux, and never mistaken for another one."""

import os
import sys
from pathlib import Path

import pytest

from engine.contract import home
from engine.contract.home import FolderLost, Home, folder_key, is_gone


def test_a_key_is_device_and_inode(tmp_path: Path):
    status = tmp_path.stat()
    assert folder_key(tmp_path) == f"{status.st_dev}:{status.st_ino}" == Home(tmp_path).key
    assert folder_key(tmp_path / "missing") == "" and is_gone(tmp_path / "missing") and not is_gone(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert folder_key(tmp_path / "link") != folder_key(tmp_path)
    with pytest.raises(OSError):  # ELOOP on Linux, ENOTDIR elsewhere
        Home(tmp_path / "link")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where an open folder has gone")
def test_a_write_follows_the_folder(tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    kept = Home(old)

    def write(path: Path) -> Path:
        if path == old and not new.exists():
            old.rename(new)  # between the look at the path and its use
        (path / "file").write_text("text")
        return path

    assert kept.in_place() and kept.write(write) == new == kept.now() and not kept.in_place()
    old.mkdir()
    assert kept.now() == new and not kept.in_place(), "another folder has its place"


def test_a_deleted_folder_is_lost(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    kept = Home(folder)
    os.rmdir(folder)  # noqa: PTH106
    with pytest.raises(FolderLost):
        kept.now()
    with pytest.raises(FolderLost):
        kept.write(lambda path: (path / "file").write_text(""))


def test_an_error_in_a_folder_that_stayed_is_the_writers_own(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        Home(tmp_path).write(lambda path: (path / "missing" / "file").write_text(""))


def test_a_home_knows_a_stale_handle_from_a_disk_that_fails(tmp_path, monkeypatch):
    """ESTALE is what NFS says of a folder that was removed on the server; EIO proves nothing about where it lies."""
    place = Home(tmp_path)
    for code, stays in ((116, False), (5, True), (13, True)):

        def fail(*_: object, code: int = code, **__: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(home.os, "stat", fail)
            assert place.in_place() is stays, code
            if not stays:
                with pytest.raises(FolderLost):
                    place.now()
