"""The end of a log, however large it is, and whatever lies in its place."""

import errno
import os

import pytest

from engine.contract.run import logfile
from engine.contract.run.logfile import all_lines, last_lines, rotate, tail, unreadable


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.txt"


@pytest.fixture
def read_bytes(monkeypatch):
    """How many bytes were read from files so far."""
    counted = []
    real = os.pread

    def pread(fd, count, offset):
        data = real(fd, count, offset)
        counted.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", pread)
    return lambda: sum(counted)


def test_the_last_lines_of_a_large_log_cost_no_more_than_its_end(log, read_bytes):
    with log.open("wb") as file:
        file.truncate(160_000_000)  # sparse: 160 MB without a newline
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b"line %d\n" % number for number in range(10_000)))
    assert last_lines(log, 2) == ["line 9998", "line 9999"]
    assert read_bytes() <= logfile.BLOCK
    assert last_lines(log, 9_000)[0] == "line 1000"
    assert read_bytes() < 1 << 20


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 100])
def test_the_last_lines_are_those_of_tail(log, count):
    lines = [f"{number} " + "x" * (number * 20_000) for number in range(6)]
    for end in ("", "\n"):
        log.write_text("\n".join(lines) + end)
        assert last_lines(log, count) == lines[-count:]


def test_a_log_without_enough_lines_goes_on_in_the_part_that_was_moved_away(log):
    log.with_name("log.1.txt").write_text("a\nb\n")
    log.write_text("c\nd\n")
    assert last_lines(log, 1) == ["d"]
    assert last_lines(log, 3) == ["b", "c", "d"]
    assert last_lines(log, 10) == list(all_lines(log)) == ["a", "b", "c", "d"]


def test_an_offset_beyond_the_end_means_the_start(log):
    log.write_text("after it was emptied")
    assert tail(log, 100, start=5) == b" it was emptied"[0:0] + log.read_bytes()[5:]
    assert tail(log, 100, start=50_000_000) == log.read_bytes()
    assert tail(log, 7, start=0) == b"emptied"


def test_it_is_emptied_only_when_it_is_too_large(log):
    assert not rotate(log)  # there is none
    log.write_bytes(b"line\n" * 20)
    assert not rotate(log, most=100)
    assert log.stat().st_size == 100 and not log.with_name("log.1.txt").exists()
    with log.open("ab") as writer:
        writer.write(b"more\n")
        writer.flush()
        assert rotate(log, most=100, kept=12)
        writer.write(b"on\n")
    assert log.read_bytes() == b"on\n", "a writer that appends goes on at the start"
    assert log.with_name("log.1.txt").read_bytes() == b"line\nmore\n", "no line is cut"


def test_a_full_disk_does_not_keep_it_from_being_emptied(log, monkeypatch):
    log.write_bytes(b"line\n" * 100)
    real, calls = logfile.write_atomic, []

    def full_until_emptied(path, data, *, durable=True):
        calls.append(log.stat().st_size)
        if log.stat().st_size:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, data, durable=durable)

    monkeypatch.setattr(logfile, "write_atomic", full_until_emptied)
    assert rotate(log, most=10)
    assert calls == [500, 0] and log.with_name("log.1.txt").read_bytes().count(b"line") == 99


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "device"])
def test_what_is_no_log_is_neither_read_nor_emptied(log, tmp_path, kind):
    target = tmp_path / "precious"
    target.write_bytes(b"precious\n" * 100)
    if kind == "folder":
        log.mkdir()
    elif kind == "fifo":
        os.mkfifo(log)
    else:
        log.symlink_to(target if kind == "link" else "/dev/zero")
    assert (tail(log, 100), last_lines(log, 3), list(all_lines(log))) == (b"", [], [])
    assert not rotate(log, most=10)
    assert target.stat().st_size == 900
    assert unreadable(log) in ("a folder", "not a regular file", "a symbolic link, which is not followed here")


def test_a_log_that_is_not_there_is_no_problem(log):
    assert unreadable(log) is None and last_lines(log, 5) == []
