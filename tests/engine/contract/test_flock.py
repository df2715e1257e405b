"""Waiting for file locks: only so long, and the message names who holds it."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from engine.contract.flock import Busy, describe, holder, is_stopped, lock_within


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def test_a_lock_is_waited_for_and_taken_when_it_is_free(tmp_path: Path):
    first, second = opened(tmp_path / "lock"), opened(tmp_path / "lock")
    lock_within(first, tmp_path / "lock", 0.0)
    with pytest.raises(Busy, match=rf"^{tmp_path / 'lock'} is locked by "):
        lock_within(second, tmp_path / "lock", 0.05)
    threading.Timer(0.1, fcntl.flock, (first, fcntl.LOCK_UN)).start()
    lock_within(second, tmp_path / "lock", 10.0)
    os.close(first)
    os.close(second)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists locks")
def test_linux_knows_the_holder(tmp_path: Path):
    fd, other = opened(tmp_path / "lock"), opened(tmp_path / "lock")
    assert holder(other) == 0
    lock_within(fd, tmp_path / "lock", 0.0)
    assert holder(other) == os.getpid()
    os.close(fd)
    os.close(other)


def test_a_stopped_process_is_named_with_the_way_to_continue_it():
    process = subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE)
    try:
        name = psutil.Process(process.pid).name()
        assert describe(process.pid) == f"process {process.pid} ({name})" and not is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while not is_stopped(process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        way_out = f"which is stopped: `kill -CONT {process.pid}` continues it"
        assert describe(process.pid) == f"process {process.pid} ({name}), {way_out}"
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_cannot_be_seen_has_no_name():
    assert describe(0) == "another process" and describe(2**40) == f"process {2**40}" and not is_stopped(2**40)
