"""How runs end and what is written about it. Real processes, with a trainer that takes no time."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.contract.run.folder import RESERVE_BYTES, RunFolder
from engine.contract.run.process import ExitRecord, Heartbeat
from engine.launch import control, local, queue

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
    assert record.message == "did not stop within 0.3 s and was killed; what came after the last checkpoint is lost"


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
    assert status.message == "killed by someone else's SIGKILL (kill -9)"
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


def test_the_device_is_free_and_the_next_run_starts_after_a_failure(bench: Bench):
    first, second = bench.working(), bench.start("finish")
    bench.until(lambda: run_state(second) == "queued")
    os.kill(bench.processes(first)[1].pid, signal.SIGKILL)
    assert bench.ended(second).state == "finished"


def run_state(run: RunFolder) -> str:
    return run.status().state


def test_a_waiting_run_shows_its_place_and_who_it_waits_for(bench: Bench):
    holder = bench.working()
    waiting = [bench.start(), bench.start()]
    bench.until(lambda: [run.status().place for run in waiting] == [1, 2])
    assert {run.status().state for run in waiting} == {"queued"}
    assert waiting[0].status().note == f"held by {holder.id}"


def test_a_waiting_run_stays_in_line_while_its_card_does_not_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    lost = tmp_path / "lost"
    monkeypatch.setenv("NVML_CASE", "lost_later")
    monkeypatch.setenv("CARD_LOST", str(lost))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "nvml"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    holder, waiting = bench.working(device="cuda:1"), bench.start(device="cuda:1")
    bench.until(lambda: run_state(waiting) == "queued")
    lost.touch()
    bench.until(lambda: waiting.status().note == "GPU 1 does not answer: GPU is lost")
    control.stop(holder)
    bench.ended(holder)
    assert run_state(waiting) == "queued"
    lost.unlink()
    bench.until(lambda: run_state(waiting) == "running")
    control.stop(waiting)
    assert bench.record(waiting).state == "stopped"


def test_a_waiting_run_can_be_stopped(bench: Bench):
    bench.working()
    waiting = bench.start()
    bench.until(lambda: run_state(waiting) == "queued")
    control.cancel(waiting)
    assert bench.ended(waiting).state == "stopped"
    assert not waiting.events.exists()


def test_a_run_behind_a_blocked_queue_names_who_blocks_it_and_obeys(bench: Bench):
    holder, waiting = bench.working(), bench.start()
    bench.until(lambda: run_state(waiting) == "queued")
    code = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, 2); print(flush=True); input()"
    command = [sys.executable, "-c", code, str(queue.home() / "mutex")]
    blocker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert blocker.stdout is not None and blocker.stdout.readline()
        os.kill(blocker.pid, signal.SIGSTOP)
        late = bench.start()  # one that cannot even join
        for run in (waiting, late):
            bench.until(lambda run=run: "is locked by" in run.status().note)
            assert run_state(run) == "queued"
        for run in (waiting, late, holder):
            control.stop(run)
            assert bench.record(run).state == "stopped"
    finally:
        blocker.kill()
        blocker.communicate()
    assert queue.tickets() == []


def test_runs_outlive_the_removal_of_the_queues_folder(bench: Bench):
    holder = bench.working()
    waiting = [bench.start("finish") for _ in range(3)]
    bench.until(lambda: [run.status().place for run in waiting] == [1, 2, 3])
    shutil.rmtree(queue.home())
    bench.until(lambda: len(queue.tickets()) == 4 and queue.tickets()[0].held == ("cpu",))
    assert [run_state(run) for run in (holder, *waiting)] == ["running", *["queued"] * 3]
    control.stop(holder)
    records = [bench.record(run) for run in waiting]
    assert {record.state for record in records} == {"finished"}
    assert [record.ended for record in records] == sorted(record.ended for record in records)


def test_a_queue_that_cannot_be_used_ends_a_run_in_plain_words(bench: Bench):
    queue.home().write_text("not a folder")
    record = bench.record(bench.start())
    assert (record.state, record.reason) == ("failed", "bad_input")
    assert record.message.startswith(f"cannot use the queue's folder {queue.home()}: ")


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


def test_runs_that_want_two_devices_each_take_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GPUS", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    one = bench.make("finish", device="cuda", gpus=2)
    two = bench.make("finish", device="cuda", gpus=2)
    local.start(one, supervisor=bench.supervisor)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    local.start(two, supervisor=bench.supervisor)
    assert {bench.ended(run).state for run in (one, two)} == {"finished"}
    seen = [(run.path / "seen.txt").read_text() for run in (one, two)]
    assert "CUDA_VISIBLE_DEVICES=GPU-0,GPU-1\n" in seen[0] + "\n"
    assert "CUDA_VISIBLE_DEVICES=GPU-1,GPU-0\n" in seen[1] + "\n"
    assert '"device":"cuda"' in seen[0]


def test_two_runs_have_two_gpus_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_GPUS", "2")
    runs = [bench.working(device="auto") for _ in range(2)]
    assert {ticket.held for ticket in queue.tickets()} == {("GPU-0",), ("GPU-1",)}
    assert {run.status().state for run in runs} == {"running"}


def test_twenty_runs_for_one_device_start_in_order(bench: Bench):
    holder = bench.working()
    runs = [bench.make("finish") for _ in range(20)]
    command = [sys.executable, *bench.supervisor, *(str(run.path) for run in runs)]
    subprocess.run(command, stdin=subprocess.DEVNULL, start_new_session=True, check=True)
    assert [ticket.run for ticket in queue.tickets()] == [run.id for run in (holder, *runs)]
    assert [run.status().place for run in runs] == list(range(1, 21))
    control.stop(holder)
    ended = {run.id: bench.record(run).ended for run in runs}
    assert sorted(ended, key=ended.__getitem__) == [run.id for run in runs]


def test_a_log_of_50_mb_is_emptied_where_it_lies_and_the_trainer_writes_on(bench: Bench):
    run = bench.start("shout")
    record = bench.record(run)
    assert (record.reason, record.message) == ("traceback", "ValueError: the shapes do not match")
    assert "Traceback" in record.detail, "the offset that was noted at the start lies beyond the new end"
    kept = [int(line) for line in (run.path / "log.1.txt").read_text().splitlines()]
    assert kept == list(range(kept[0], kept[0] + (1 << 20) // 100)), "whole lines, a megabyte of them"
    assert run.log.stat().st_size < 2_000_000 and b"\0" not in run.log.read_bytes()
    assert (run.path / "log.1.txt").stat().st_mode & 0o777 == 0o600
