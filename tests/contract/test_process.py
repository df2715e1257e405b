"""A process is ours only if host, boot, id, creation time and command line all say so."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from engine.contract import process
from engine.contract.process import ExitRecord, Heartbeat, Identity, ProcRecord, alive, identify, me


def test_a_worker_of_the_run_is_alive(worker, tmp_path):
    assert alive(worker(tmp_path), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 0},
        {"pid": -1},
        {"pid": 1},
        {"pid": 2**31},
        {"pid": 2**80},
        {"pid": os.getpid()},
        {"create_time": 1.0},
        {"create_time": float("nan")},
        {"create_time": float("inf")},
        {"boot_id": "another-boot"},
        {"boot_id": ""},
        {"host": "another-host"},
    ],
    ids=str,
)
def test_one_wrong_mark_makes_it_a_stranger(worker, tmp_path, change):
    assert not alive(dataclasses.replace(worker(tmp_path), **change), tmp_path)


def test_creation_times_may_differ_by_rounding_but_not_more(worker, tmp_path):
    identity = worker(tmp_path)
    for shift, expected in ((1.9, True), (-1.9, True), (2.2, False), (-2.2, False)):
        shifted = dataclasses.replace(identity, create_time=identity.create_time + shift)
        assert alive(shifted, tmp_path) is expected, shift


def test_a_process_without_the_run_folder_on_its_command_line_is_a_stranger(worker, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one-more").mkdir()
    assert not alive(worker(tmp_path / "one"), tmp_path / "one-more")
    assert not alive(worker(tmp_path / "one" / "log.txt"), tmp_path / "one")
    assert not alive(me(), tmp_path / "one")


def test_the_run_folder_counts_however_it_is_spelled(worker, tmp_path):
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    assert alive(worker(f"{tmp_path}/link/run/"), tmp_path / "real" / "run")
    assert alive(worker(tmp_path / "real" / "run"), tmp_path / "link" / "run")


def test_a_copy_of_a_run_folder_has_no_process(worker, tmp_path):
    (tmp_path / "copies" / "run").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    assert not alive(worker(tmp_path / "run"), tmp_path / "copies" / "run")


def test_a_dead_process_and_a_zombie_are_dead(worker, tmp_path):
    identity = worker(tmp_path)
    os.kill(identity.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.Process(identity.pid).status() != psutil.STATUS_ZOMBIE:  # nobody has waited for it yet
        assert time.monotonic() < deadline
    assert not alive(identity, tmp_path)
    os.waitpid(identity.pid, 0)
    assert not alive(identity, tmp_path)


@pytest.mark.parametrize(
    ("age", "expected"), [(0, True), (29, True), (31, False), (-59, True), (-61, False), (-1e9, False), (1e9, False)]
)
def test_on_another_host_the_heartbeat_decides(tmp_path, age, expected):
    identity = Identity("another-host", "another-boot", 4242, 1.0)
    assert not alive(identity, tmp_path)  # none at all
    Heartbeat(4242, "running", t=time.time() - age).write(tmp_path / "heartbeat.json")
    assert alive(identity, tmp_path) is expected


def test_a_process_that_may_not_be_looked_at_is_trusted_by_its_time(worker, tmp_path, monkeypatch):
    def refuse(self: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(self.pid)

    identity = worker(tmp_path)
    monkeypatch.setattr(psutil.Process, "cmdline", refuse)
    assert alive(identity, tmp_path)
    assert not alive(dataclasses.replace(identity, create_time=1.0), tmp_path)


def test_identities_agree_with_psutil():
    assert me() == identify(os.getpid())
    assert me().create_time == psutil.Process().create_time()
    assert me().boot_id == process.boot_id() != ""


def test_records_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "record.json"
    for trainer in (None, Identity("host", "boot", 12, 3.5)):
        record = ProcRecord("host", "boot", Identity("host", "boot", 11, 2.5), trainer)
        record.write(path)
        assert ProcRecord.read(path) == record
    for other in (Heartbeat(5, "queued", 2, "waits for cuda:0", 7.5), ExitRecord("failed", "killed", "m", -9, 9, "d")):
        other.write(path)
        assert type(other).read(path) == other


def test_proc_json_has_the_promised_form(tmp_path):
    path = tmp_path / "proc.json"
    ProcRecord("h", "b", Identity("h", "b", 11, 2.5), Identity("h", "b", 12, 3.5)).write(path)
    assert path.read_text() == (
        '{"host": "h", "boot_id": "b", "supervisor": {"pid": 11, "create_time": 2.5}, '
        '"trainer": {"pid": 12, "create_time": 3.5}}\n'
    )


BROKEN = {
    "empty": b"",
    "torn": b'{"host": "h", "boot_id": "b", "superv',
    "list": b"[]",
    "deep": b"[" * 100_000,
    "digits": b'{"pid": ' + b"9" * 5000 + b"}",
    "binary": bytes(range(256)),
    "wrong types": b'{"host": 1, "boot_id": [], "supervisor": 5, "pid": "x", "state": 4}',
    "text pid": b'{"host": "h", "boot_id": "b", "supervisor": {"pid": "1", "create_time": 1}, "pid": "1"}',
    "huge": b" " * (5 << 20) + b"{}",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("kind", [ProcRecord, Heartbeat, ExitRecord])
def test_a_damaged_record_counts_as_absent(tmp_path, kind, data):
    (tmp_path / "record.json").write_bytes(data)
    assert kind.read(tmp_path / "record.json") is None


@pytest.mark.parametrize("kind", [ProcRecord, Heartbeat, ExitRecord])
def test_a_record_that_is_no_regular_file_counts_as_absent(tmp_path, kind):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("fifo", "folder", "loop", "missing"):
        assert kind.read(tmp_path / name) is None


def test_a_reader_never_meets_a_half_written_record(tmp_path):
    path = tmp_path / "heartbeat.json"
    Heartbeat(1, "running", note="x" * 5000).write(path)
    code = (
        "import sys; from pathlib import Path; from engine.contract.records import Heartbeat\n"
        "for n in range(500): Heartbeat(n, 'running', note='x' * 5000).write(Path(sys.argv[1]))"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    reads = 0
    while writer.poll() is None:
        beat = Heartbeat.read(path)
        assert beat is not None and len(beat.note) == 5000
        reads += 1
    assert writer.returncode == 0
    assert reads > 10
    assert [entry.name for entry in tmp_path.iterdir()] == ["heartbeat.json"]
