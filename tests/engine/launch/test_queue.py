"""The queue's folder: files that are not its own, a mutex that is held, where it is."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.contract import flock
from engine.contract.errors import BadInput
from engine.contract.flock import Busy
from engine.launch import locks, queue, queue_entry
from engine.launch.queue import DeviceRequest
from engine.launch.queue_entry import QueueEntry


def join(run: str, *devices: str, count: int = 1) -> QueueEntry:
    return QueueEntry(run, Path("/runs") / run, DeviceRequest(devices, count))


def put_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def put_folder(path: Path) -> None:
    path.mkdir()
    (path / "keep.txt").touch()


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_garbage(path: Path) -> None:
    path.write_text("[" * 100_000)


PUT = [put_link, put_folder, put_fifo, put_garbage]


@pytest.mark.parametrize("put", PUT)
@pytest.mark.parametrize("name", ["tickets/00000001.json", "tickets/00000007.json", "tickets/notes.json"])
def test_what_lies_in_the_place_of_a_ticket_is_passed_over(put: Callable[[Path], None], name: str):
    (queue.home() / "tickets").mkdir(parents=True)
    put(queue.home() / name)
    line = join("a", "cpu")
    assert line.take(["cpu"])
    assert [ticket.run for ticket in queue.tickets()] == ["a"]
    line.leave()
    assert put is put_garbage or os.path.lexists(
        queue.home() / name
    )  # a regular file that nobody locks is a dead one's


@pytest.mark.parametrize("put", PUT[:3])
def test_what_lies_in_the_place_of_a_device_is_named(put: Callable[[Path], None]):
    (queue.home() / "devices").mkdir(parents=True)
    put(queue.device_path(queue.home(), "cpu"))
    line = join("a", "cpu")
    assert not line.take(["cpu"])
    assert line.note.startswith(f"cannot lock {queue.home()}/devices/cpu.json: ")
    assert queue.inspect()[0][0].run == "a"


@pytest.mark.parametrize("put", PUT[:3])
@pytest.mark.parametrize("name", ["mutex", "tickets", "devices"])
def test_what_lies_in_the_place_of_the_queues_own_files_is_named(
    put: Callable[[Path], None], name: str, tmp_path: Path
):
    queue.home().mkdir()
    put(queue.home() / name) if put is not put_link else (queue.home() / name).symlink_to(tmp_path)
    if put is put_folder and name != "mutex":
        return  # a folder is what belongs there
    with pytest.raises(BadInput, match=f"cannot use the queue's folder {queue.home()}: .*{name}"):
        join("a", "cpu")
    assert queue.tickets() == []


def test_a_mutex_held_by_a_stopped_process_is_waited_for_no_longer_than_a_moment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queue_entry, "PATIENCE", 0.05)
    waiting = join("a", "cpu")
    code = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, 2); print(flush=True); input()"
    command = [sys.executable, "-c", code, str(queue.home() / "mutex")]
    blocker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert blocker.stdout is not None and blocker.stdout.readline()
        os.kill(blocker.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, blocker.pid, os.WSTOPPED)
        who = rf"process {blocker.pid} \(.+\), which is stopped: `kill -CONT {blocker.pid}` continues it"
        with pytest.raises(Busy, match=who if sys.platform == "linux" else "another process"):
            QueueEntry("b", Path("/runs/b"), DeviceRequest(("cpu",)))
        with pytest.raises(Busy):
            waiting.take(["cpu"])
        found, trouble = queue.inspect()
        assert [ticket.run for ticket in found] == ["a"] and "is locked by" in trouble
        waiting.leave()  # does not wait either
    finally:
        os.kill(blocker.pid, signal.SIGCONT)
        blocker.communicate(b"\n")
    assert queue.tickets() == []
    assert join("c", "cpu").take(["cpu"])


def test_the_mutex_says_who_holds_it_where_the_system_does_not(monkeypatch: pytest.MonkeyPatch):
    join("a", "cpu")
    monkeypatch.setattr(flock.Path, "read_text", lambda *_: (_ for _ in ()).throw(OSError()))
    with locks.held(queue.home() / "mutex", 1.0), pytest.raises(Busy, match=f"locked by process {os.getpid()} "):
        QueueEntry("b", Path("/runs/b"), DeviceRequest(("cpu",)))


def test_an_empty_queue_is_not_created_by_looking_at_it():
    assert queue.tickets() == []
    assert not queue.home().exists()


def test_the_queue_of_a_shared_home_is_one_for_each_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CIFAR_TUI_QUEUE")
    names = []
    for host in ("alpha", "beta", "../../etc"):
        monkeypatch.setattr("platform.node", lambda host=host: host)
        names.append(queue.home())
    assert len(set(names)) == 3
    assert all(path.parent.name == "queue" for path in names)
