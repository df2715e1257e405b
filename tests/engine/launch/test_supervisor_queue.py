"""A supervisor in the queue: waiting runs, the queue's folder, several devices."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.contract.run.folder import RunFolder
from engine.launch import control, local, queue

Bench = Any  # tests/engine/launch/conftest.py, which cannot be imported


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
