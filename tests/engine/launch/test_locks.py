"""File locks: exclusive, inherited by children, released by the kernel, and only on regular files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.flock import Busy
from engine.launch import locks


def test_a_lock_is_exclusive_until_its_last_holder_is_gone(tmp_path: Path):
    path = tmp_path / "lock"
    fd = locks.take(path)
    assert fd is not None and locks.take(path) is None and locks.is_held(path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[fd])
    os.close(fd)
    assert locks.is_held(path), "the child has inherited it"
    child.communicate(b"\n")
    assert not locks.is_held(path) and not locks.is_held(tmp_path / "missing")


def test_a_held_lock_names_its_process_and_is_waited_for_only_so_long(tmp_path: Path):
    path = tmp_path / "lock"
    with locks.held(path, 1.0):
        assert path.read_text() == str(os.getpid())
        with pytest.raises(Busy, match=f"process {os.getpid()}"), locks.held(path, 0.05):
            pass
    with locks.held(path, 0.0):
        pass


def test_a_file_is_rewritten_in_place_and_known_by_its_path(tmp_path: Path):
    path = tmp_path / "lock"
    fd = locks.take(path)
    assert fd is not None
    for text in ("a long text", "short", ""):
        locks.write(fd, text)
        assert path.read_text() == text and locks.leads_to(path, fd)
    path.unlink()
    assert not locks.leads_to(path, fd)
    path.touch()
    assert not locks.leads_to(path, fd)
    os.close(fd)


def test_links_and_other_files_are_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("target")
    for name in ("fifo", "link"):
        with pytest.raises(OSError):  # the system's own words
            locks.take(tmp_path / name)
    assert not (tmp_path / "target").exists()
