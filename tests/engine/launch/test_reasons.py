"""Verdicts, from endings that are hard or cruel to bring about."""

import dataclasses
import json
import signal
from pathlib import Path

import pytest

from engine.contract.run.events import EventWriter, Failed, Finished, RunStarted, Stopped, encode
from engine.contract.run.folder import RESERVE_BYTES
from engine.contract.values import encode_table
from engine.launch import reasons
from engine.launch.reasons import Ending, Verdict, judge

KILLED = -signal.SIGKILL


def ending(returncode: int | None = 1, log: str = "", **more: object) -> Ending:
    return dataclasses.replace(Ending(returncode, None, log), **more)


@pytest.mark.parametrize(
    ("case", "state", "reason", "message"),
    [
        (ending(KILLED, oom_kills=1), "failed", "out_of_memory", "killed by the kernel: the machine ran out of memory"),
        (ending(KILLED), "failed", "killed", "killed by someone else's SIGKILL (kill -9)"),
        (ending(KILLED, asked="killed", oom_kills=1), "stopped", "killed", "killed by the user"),
        (ending(KILLED, asked="stopped", grace=30.0), "stopped", "", "did not stop within 30 s and was killed"),
        (ending(KILLED, asked="preempted", grace=5.0), "preempted", "", "did not stop within 5 s"),
        (ending(-signal.SIGTERM, asked="stopped"), "stopped", "", "ended with SIGTERM before it could save"),
        (ending(-signal.SIGABRT, "a\ntorch.OutOfMemoryError: CUDA out of memory. Tried"), "failed", "gpu_memory", "torch.OutOf"),
        (ending(1, "Traceback\nMemoryError"), "failed", "out_of_memory", "MemoryError"),
        (ending(1, "OSError: [Errno 28] No space left on device"), "failed", "disk_full", "no space left on the disk"),
        (ending(1, "", disk_full=True), "failed", "disk_full", "no space left on the disk"),
        (ending(-signal.SIGBUS), "failed", "killed", "ended with SIGBUS"),
        (ending(-63), "failed", "killed", "ended with signal 63"),
        (ending(0), "failed", "", "ended with exit code 0 without a word"),
        (ending(2, "error: no data"), "failed", "bad_input", "error: no data"),
        (ending(2, "Traceback\nKeyError: 2"), "failed", "traceback", "KeyError: 2"),
        (ending(None), "failed", "killed", "ended without a word while it had no supervisor of its own"),
    ],
)  # fmt: skip
def test_a_trainer_without_a_last_word_is_judged_by_its_exit(case: Ending, state: str, reason: str, message: str):
    verdict = judge(case)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert verdict.message.startswith(message)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (ending(0, last_word=Finished()), Verdict("finished")),
        (
            ending(-signal.SIGSEGV, last_word=Finished()),
            Verdict("finished", message="the process then ended with SIGSEGV"),
        ),
        (ending(0, last_word=Stopped(epoch=4)), Verdict("stopped", message="stopped after epoch 4")),
        (ending(0, last_word=Stopped(epoch=4, step=9)), Verdict("stopped", message="stopped in epoch 5")),
        (ending(0, last_word=Stopped()), Verdict("stopped", message="stopped before its first step")),
        (
            ending(0, last_word=Stopped(epoch=1), asked="preempted"),
            Verdict("preempted", message="stopped after epoch 1"),
        ),
        (
            ending(0, last_word=Stopped(epoch=1, reason="preempted")),
            Verdict("preempted", message="stopped after epoch 1"),
        ),
        (
            ending(1, "log", last_word=Failed("diverged", "loss is nan", "lr 3")),
            Verdict("failed", "diverged", "loss is nan", "lr 3"),
        ),
        (ending(1, "log", last_word=Failed("data", "no data")), Verdict("failed", "data", "no data", "log")),
    ],
)
def test_the_trainers_last_word_decides(case: Ending, verdict: Verdict):
    assert judge(case) == verdict


def test_the_last_word_is_this_attempts_and_is_void_when_something_new_begins(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    assert reasons.last_word(path) is None
    with EventWriter(path) as events:
        events.write(RunStarted())
        events.write(Stopped(epoch=1))
        assert reasons.last_word(path) == Stopped(epoch=1, t=reasons.last_word(path).t)
        start = path.stat().st_size
        assert reasons.last_word(path, start) is None
        events.write(RunStarted(attempt=2))
        assert reasons.last_word(path) is None
        events.write(Failed("diverged"))
    assert isinstance(reasons.last_word(path, start), Failed)
    path.write_text(encode(Finished()) + "\n" + "garbage\n" * 300_000)
    assert reasons.last_word(path) is None  # it is looked for at the end only


@pytest.mark.parametrize("text", ["x" * 10**6, "é\n" * 10**5, "\x1b" * 10**5, '"' * 10**5])
def test_the_longest_record_fits_into_the_reserve(text: str):
    record = Verdict("failed", "traceback", text[:500], text).record(-9, 3)
    assert len(encode_table(record)) <= RESERVE_BYTES
    assert text.endswith(record.detail) and len(record.detail) > 1000
    assert (record.returncode, record.signal, record.attempt) == (-9, 9, 3)


def test_the_kernels_count_is_read_from_the_own_control_group_first(monkeypatch: pytest.MonkeyPatch):
    files = {"/proc/vmstat": "pgfault 12\noom_kill 7\n"}
    monkeypatch.setattr(reasons, "_text", lambda path: files.get(str(path), ""))
    assert reasons.oom_kills() == 7
    files["/proc/self/cgroup"] = "9:memory:/box\n8:cpu:/box\n"
    files["/sys/fs/cgroup/memory/box/memory.oom_control"] = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"
    assert reasons.oom_kills() == 5
    files["/proc/self/cgroup"] = "0::/user.slice/session-2.scope\n"
    files["/sys/fs/cgroup/user.slice/session-2.scope/memory.events"] = "low 0\noom 1\noom_kill 3\n"
    assert reasons.oom_kills() == 3
    files.clear()
    assert reasons.oom_kills() == 0


def test_the_tail_of_a_log_is_cut_and_survives_any_bytes(tmp_path: Path):
    log = tmp_path / "log.txt"
    assert reasons.read_tail(log) == ""
    log.write_bytes(b"old\n" + b"\xff\xfe new\n\n  \n")
    assert reasons.last_line(reasons.read_tail(log, 4)) == "�� new"
    log.write_bytes(b"x" * 10**6)
    assert len(reasons.read_tail(log)) == reasons.TAIL_BYTES
    assert len(reasons.last_line("y" * 10**6)) == 500
    assert json.dumps(reasons.last_line("")) == '""'


def test_a_disk_with_room_is_not_full_and_keeps_no_trace_of_the_question(tmp_path: Path):
    assert not reasons.is_full(tmp_path)
    assert list(tmp_path.iterdir()) == []
