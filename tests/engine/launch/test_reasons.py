"""Verdicts, from endings that are hard or cruel to bring about."""

import dataclasses
import json
import signal
from pathlib import Path

import pytest

from engine.contract.run.event_file import EventWriter, encode
from engine.contract.run.events import Failed, Finished, RunStarted, Stopped
from engine.contract.run.folder import RESERVE_BYTES
from engine.contract.run.rank_failure import RankFailure
from engine.contract.values import encode_table
from engine.launch import reasons
from engine.launch.reasons import Ending, Evidence, judge

KILLED = -signal.SIGKILL


SUMMARY = """Root Cause (first observed failure):
[0]:
  time      : 2026-11-28_05:55:40
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 15417)
============================================================"""
"""The end of torchrun's output."""


def ending(returncode: int | None = 1, log: str = "", **more: object) -> Evidence:
    return dataclasses.replace(Evidence(returncode, None, log), **more)


@pytest.mark.parametrize(
    ("case", "state", "reason", "message"),
    [
        (ending(KILLED, oom_kills=1), "failed", "out_of_memory", "killed by the kernel: the machine ran out of memory"),
        (ending(KILLED), "failed", "killed", "killed from outside with SIGKILL (kill -9)"),
        (ending(KILLED, requested="killed", oom_kills=1), "stopped", "killed", "killed by the user"),
        (ending(KILLED, requested="stopped", grace=30.0), "stopped", "", "did not stop within 30 s and was killed"),
        (ending(KILLED, requested="preempted", grace=5.0), "preempted", "", "did not stop within 5 s"),
        (ending(-signal.SIGTERM, requested="stopped"), "stopped", "", "ended with SIGTERM before it could save"),
        (ending(-signal.SIGABRT, "a\ntorch.OutOfMemoryError: CUDA out of memory. Tried"), "failed", "gpu_memory", "torch.OutOf"),
        (ending(1, "Traceback\nMemoryError"), "failed", "out_of_memory", "MemoryError"),
        (ending(1, "OSError: [Errno 28] No space left on device"), "failed", "disk_full", "no space left on the disk"),
        (ending(1, "", disk_full=True), "failed", "disk_full", "no space left on the disk"),
        (ending(-signal.SIGBUS), "failed", "killed", "ended with SIGBUS"),
        (ending(-63), "failed", "killed", "ended with signal 63"),
        (ending(0), "failed", "", "ended with exit code 0 without giving a reason"),
        (ending(2, "error: no data"), "failed", "bad_input", "error: no data"),
        (ending(2, "Traceback\nKeyError: 2"), "failed", "traceback", "KeyError: 2"),
        (ending(1, SUMMARY), "failed", "killed", "killed from outside with SIGKILL (kill -9)"),
        (ending(1, SUMMARY, oom_kills=1), "failed", "out_of_memory", "killed by the kernel"),
        (ending(1, SUMMARY, rank=RankFailure(1, "gpu_memory", "no room")), "failed", "gpu_memory", "rank 1: no room"),
        (ending(None), "failed", "killed", "ended without giving a reason, while it had no supervisor"),
    ],
)  # fmt: skip
def test_a_trainer_without_a_last_word_is_judged_by_its_exit(case: Evidence, state: str, reason: str, message: str):
    verdict = judge(case)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert verdict.message.startswith(message)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (ending(0, closing=Finished()), Ending("finished")),
        (
            ending(-signal.SIGSEGV, closing=Finished()),
            Ending("finished", message="the process then ended with SIGSEGV"),
        ),
        (ending(0, closing=Stopped(epoch=4)), Ending("stopped", message="stopped after epoch 4")),
        (ending(0, closing=Stopped(epoch=4, step=9)), Ending("stopped", message="stopped in epoch 5")),
        (ending(0, closing=Stopped()), Ending("stopped", message="stopped before its first step")),
        (
            ending(0, closing=Stopped(epoch=1), requested="preempted"),
            Ending("preempted", message="stopped after epoch 1"),
        ),
        (
            ending(0, closing=Stopped(epoch=1, reason="preempted")),
            Ending("preempted", message="stopped after epoch 1"),
        ),
        (
            ending(1, "log", closing=Failed("diverged", "loss is nan", "lr 3")),
            Ending("failed", "diverged", "loss is nan", "lr 3"),
        ),
        (ending(1, "log", closing=Failed("data", "no data")), Ending("failed", "data", "no data", "log")),
    ],
)
def test_the_trainers_last_word_decides(case: Evidence, verdict: Ending):
    assert judge(case) == verdict


def test_the_last_word_is_this_attempts_and_is_void_when_something_new_begins(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    assert reasons.closing_event(path) is None
    with EventWriter(path) as events:
        events.write(RunStarted())
        events.write(Stopped(epoch=1))
        assert reasons.closing_event(path) == Stopped(epoch=1, t=reasons.closing_event(path).t)
        start = path.stat().st_size
        assert reasons.closing_event(path, start) is None
        events.write(RunStarted(attempt=2))
        assert reasons.closing_event(path) is None
        events.write(Failed("diverged"))
    assert isinstance(reasons.closing_event(path, start), Failed)
    path.write_text(encode(Finished()) + "\n" + "garbage\n" * 300_000)
    assert reasons.closing_event(path) is None  # it is looked for at the end only


@pytest.mark.parametrize("text", ["x" * 10**6, "é\n" * 10**5, "\x1b" * 10**5, '"' * 10**5])
def test_the_longest_record_fits_into_the_reserve(text: str):
    record = Ending("failed", "traceback", text[:500], text).record(-9, 3)
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


def test_a_rank_that_the_kernel_killed_for_memory_is_named_so_whatever_the_first_rank_saw():
    seen = Failed(reason="killed", message="another rank of this run ended without giving a reason")
    assert judge(ending(1, closing=seen, oom_kills=1)).reason == "out_of_memory"
    assert judge(ending(1, closing=seen)).reason == "killed"
