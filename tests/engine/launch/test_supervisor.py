"""How runs end and what is written about it. Real processes, with a trainer that takes no time."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.contract.run.folder import RESERVE_BYTES
from engine.contract.run.process import ExitRecord, Heartbeat
from engine.launch import control, queue

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


def test_a_run_that_does_its_work_is_finished(bench: Bench):
    run = bench.start("finish")
    assert bench.record(run) == ExitRecord(state="finished", ended=bench.record(run).ended)
    assert run.status().state == "finished"
    assert queue.tickets() == []
    assert not run.reserve.exists()


def test_sigterm_to_the_supervisor_stops_the_trainer_with_a_checkpoint(bench: Bench):
    run = bench.working()
    supervisor, _ = bench.processes(run)
    os.kill(supervisor.pid, signal.SIGTERM)
    record = bench.record(run)
    assert (record.state, record.reason, record.returncode) == ("stopped", "", 0)
    assert record.message == "stopped in epoch 3"
    assert b'"stopped"' in run.events.read_bytes()


def test_a_stop_for_a_scheduler_is_told_as_preempted(bench: Bench):
    run = bench.working()
    control.stop(run, preempt=True)
    assert bench.ended(run).state == "preempted"


def test_a_trainer_that_does_not_stop_is_killed_after_the_grace(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GRACE", "0.3")
    run = bench.working("deaf")
    control.stop(run)
    record = bench.record(run)
    assert (record.state, record.signal) == ("stopped", signal.SIGKILL)
    assert record.message == "did not stop within 0.3 s and was killed; work after the last checkpoint is lost"


def test_kill_does_not_wait_for_a_checkpoint(bench: Bench):
    run = bench.working("deaf")
    control.kill(run)
    record = bench.record(run)
    assert (record.state, record.reason, record.signal) == ("stopped", "killed", signal.SIGKILL)


def test_kill_follows_a_stop_that_takes_too_long(bench: Bench):
    run = bench.working("deaf")
    control.stop(run)
    bench.until(lambda: run.status().state == "stopping")
    control.kill(run)
    assert bench.record(run).reason == "killed"


def test_kill_ends_even_a_supervisor_that_hangs(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[0].pid, signal.SIGSTOP)
    control.kill(run, patience=0.2)
    bench.until(lambda: run.status().state == "lost")
    assert not bench.alive()


def test_a_kill_from_outside_is_reported_as_such(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[1].pid, signal.SIGKILL)
    status = bench.ended(run)
    assert (status.state, status.reason) == ("failed", "killed")
    assert status.message == "killed from outside with SIGKILL (kill -9)"
    assert bench.record(run).signal == signal.SIGKILL


def test_a_crash_is_reported_by_its_signal(bench: Bench):
    run = bench.working()
    os.kill(bench.processes(run)[1].pid, signal.SIGSEGV)
    assert bench.record(run).message == "ended with SIGSEGV"


@pytest.mark.parametrize(
    ("act", "reason", "message"),
    [
        ("raise", "traceback", "ValueError: the shapes do not match"),
        ("diverge", "diverged", "loss is nan in epoch 1, step 7"),
        ("refuse", "bad_input", "error: no such data set"),
        ("oom", "out_of_memory", "RuntimeError: [enforce fail at alloc_cpu.cpp:119] . DefaultCPUAllocator: can't allocate memory"),
    ],
)  # fmt: skip
def test_a_failure_is_told_with_its_reason(bench: Bench, act: str, reason: str, message: str):
    run = bench.start(act)
    record = bench.record(run)
    assert (record.state, record.reason, record.message) == ("failed", reason, message)
    assert record.returncode == (2 if act == "refuse" else 1)
    assert run.status().reason == reason


def test_a_traceback_is_kept_in_the_record(bench: Bench):
    record = bench.record(bench.start("raise"))
    assert "Traceback (most recent call last)" in record.detail
    assert "attempt 1" not in record.detail


def test_a_full_disk_ends_a_run_as_failed_and_is_written_down_there(bench: Bench, tmp_path: Path):
    """On a file system of one megabyte, so that every later write fails as well: events, log, heartbeat."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs more rights")
    try:
        bench.root = small
        run = bench.start("fill")
        record = bench.record(run)
        assert (record.state, record.reason) == ("failed", "disk_full")
        assert os.statvfs(small).f_bavail * os.statvfs(small).f_bsize < RESERVE_BYTES
        bench.until(lambda: not bench.alive())
    finally:
        for process in bench.alive():
            process.kill()
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_what_a_trainer_leaves_running_is_ended(bench: Bench):
    run = bench.start("leave")
    assert bench.ended(run).state == "finished"
    pid = int((run.path / "child.txt").read_text())
    bench.until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_the_heartbeat_goes_on_while_the_trainer_works(bench: Bench):
    run = bench.working()
    beats = set[float]()

    def beaten() -> bool:
        beat = Heartbeat.read(run.heartbeat)
        if beat is not None and beat.state == "running":
            beats.add(beat.t)
        return len(beats) >= 3

    bench.until(beaten)


def test_the_trainer_is_told_where_to_run_and_finds_the_right_package(bench: Bench):
    run = bench.working()
    seen = dict(line.split("=", 1) for line in (run.path / "seen.txt").read_text().splitlines() if "=" in line)
    assert '"device":"cpu"' in seen["CIFAR_TUI_PLACEMENT"]
    assert seen["CUDA_VISIBLE_DEVICES"] == ""
    assert seen["PYTHONSAFEPATH"] == "1"
    assert Path(seen["CIFAR_TUI_ENGINE"]) == Path(control.__file__).parents[1] / "__init__.py"


def test_the_trainer_has_a_session_of_its_own_and_ignores_a_hang_up(bench: Bench):
    run = bench.working()
    supervisor, trainer = bench.processes(run)
    assert len({os.getsid(pid) for pid in (os.getpid(), supervisor.pid, trainer.pid)}) == 3
    os.kill(supervisor.pid, signal.SIGHUP)
    os.kill(trainer.pid, signal.SIGHUP)
    (run.path / "go").touch()
    assert bench.ended(run).state == "finished"


def test_a_device_that_is_not_there_ends_the_run_as_bad_input(bench: Bench):
    run = bench.start(device="cuda")
    record = bench.record(run)
    assert (record.state, record.reason) == ("failed", "bad_input")
    assert "no GPU is visible" in record.message


def test_a_log_of_50_mb_is_emptied_where_it_lies_and_the_trainer_writes_on(bench: Bench):
    run = bench.start("shout")
    record = bench.record(run)
    assert (record.reason, record.message) == ("traceback", "ValueError: the shapes do not match")
    assert "Traceback" in record.detail, "the offset that was noted at the start lies beyond the new end"
    kept = [int(line) for line in (run.path / "log.1.txt").read_text().splitlines()]
    assert kept == list(range(kept[0], kept[0] + (1 << 20) // 100)), "whole lines, a megabyte of them"
    assert run.log.stat().st_size < 2_000_000 and b"\0" not in run.log.read_bytes()
    assert (run.path / "log.1.txt").stat().st_mode & 0o777 == 0o600
