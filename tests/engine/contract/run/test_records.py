"""The supervisor's records: they come back as written, and damaged ones count as missing."""

import os
import subprocess
import sys

import pytest

from engine.contract.run.process import (
    ExitRecord,
    Heartbeat,
    Identity,
    ProcRecord,
)


def test_records_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "record.json"
    for trainer in (None, Identity("host", "boot", 12, 3.5, 9, "pid:[7]", "1:2")):
        record = ProcRecord("host", "boot", Identity("host", "boot", 11, 2.5, 8, "pid:[7]", "1:2"), trainer)
        record.write(path)
        assert ProcRecord.read(path) == record
    for other in (
        Heartbeat(5, "queued", 2, "waits for cuda:0", 7.5, 9),
        ExitRecord("failed", "killed", "m", -9, 9, "d"),
    ):
        other.write(path)
        assert type(other).read(path) == other


def test_proc_json_has_the_promised_form(tmp_path):
    path = tmp_path / "proc.json"
    place = {"pid_namespace": "pid:[7]", "folder": "1:2"}
    ProcRecord("h", "b", Identity("h", "b", 11, 2.5, 8, **place), Identity("h", "b", 12, 3.5, 9, **place)).write(path)
    assert path.read_text() == (
        '{"host": "h", "boot_id": "b", "pid_namespace": "pid:[7]", "folder": "1:2", '
        '"supervisor": {"pid": 11, "create_time": 2.5, "start_ticks": 8}, '
        '"trainer": {"pid": 12, "create_time": 3.5, "start_ticks": 9}}\n'
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
        "import sys; from pathlib import Path; from engine.contract.run.records import Heartbeat\n"
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
