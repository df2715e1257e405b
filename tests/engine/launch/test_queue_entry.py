"""Entries in the queue: who gets which devices, and what happens when the queue's folder is removed."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.launch import locks, queue, queue_entry
from engine.launch.queue import DeviceRequest
from engine.launch.queue_entry import QueueEntry


def join(run: str, *devices: str, count: int = 1) -> QueueEntry:
    return QueueEntry(run, Path("/runs") / run, DeviceRequest(devices, count))


def test_devices_are_given_in_order_of_arrival():
    lines = [join(f"run{i}", "cpu") for i in range(20)]
    served = []
    while lines:
        for line in reversed(lines):  # the youngest asks first: asking early must not help
            if line.take(["cpu"]):
                served.append(line.ticket.run)
                line.leave()
                lines.remove(line)
                break
    assert served == [f"run{i}" for i in range(20)]


def test_place_counts_only_those_who_want_the_same_devices():
    holder, first, other, second = join("a", "cpu"), join("b", "cpu"), join("c", "GPU-1"), join("d", "cpu")
    assert holder.take(["cpu"]) and other.take(["GPU-1"])
    assert not first.take(["cpu"]) and not second.take(["cpu"])
    assert (holder.ticket.place, first.ticket.place, second.ticket.place) == (0, 1, 2)


def test_a_ticket_without_a_living_holder_does_not_block():
    dead = join("dead", "cpu")
    waiting = join("waiting", "cpu")
    assert not waiting.take(["cpu"])
    os.close(dead._fd)  # what the kernel does when a process dies
    assert waiting.take(["cpu"])
    assert [ticket.run for ticket in queue.tickets()] == ["waiting"]


def test_a_run_never_holds_a_part_of_its_devices():
    """Two runs that want the same two devices in opposite order would otherwise wait for each other for ever."""
    one = join("one", "GPU-1", "GPU-2", count=2)
    two = join("two", "GPU-2", "GPU-1", count=2)
    blocker = locks.take(queue.device_path(queue.home(), "GPU-2"))
    assert blocker is not None
    assert not one.take(["GPU-1", "GPU-2"]) and not two.take(["GPU-2", "GPU-1"])
    assert not locks.is_held(queue.device_path(queue.home(), "GPU-1"))
    os.close(blocker)
    assert not two.take(["GPU-2", "GPU-1"])  # one is older
    assert one.take(["GPU-1", "GPU-2"])
    assert not two.take(["GPU-2", "GPU-1"])
    one.leave()
    assert two.take(["GPU-2", "GPU-1"])
    assert two.ticket.held == ("GPU-2", "GPU-1")


def test_a_younger_run_may_pass_where_it_is_in_nobodys_way():
    big = join("big", "GPU-1", "GPU-2", count=2)
    holder = join("holder", "GPU-1")
    small, elsewhere = join("small", "GPU-2"), join("elsewhere", "GPU-2", "GPU-3")
    assert not holder.take(["GPU-1"])  # big is older and wants it
    assert not small.take(["GPU-2"])
    assert elsewhere.take(["GPU-2", "GPU-3"])
    assert elsewhere.ticket.held == ("GPU-3",)
    assert big.take(["GPU-1", "GPU-2"])


def test_only_devices_that_are_usable_now_are_taken():
    line = join("a", "GPU-1", "GPU-2")
    assert not line.take([])
    assert line.ticket.place == 1
    assert line.take(["GPU-2"])
    assert line.ticket.held == ("GPU-2",)


def test_a_device_stays_taken_while_a_child_has_inherited_its_lock():
    line = join("a", "cpu")
    assert line.take(["cpu"])
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=line.device_fds)
    try:
        line.leave()
        after = join("b", "cpu")
        assert not after.take(["cpu"])
        orphan, waiting = queue.tickets()
        assert (orphan.run, orphan.supervised, orphan.held) == ("a", False, ("cpu",))
        assert (waiting.run, waiting.supervised, waiting.place) == ("b", True, 1)
    finally:
        child.communicate(b"\n")
    assert after.take(["cpu"])


def test_tickets_lists_holders_first_and_then_the_line():
    lines = [join("a", "cpu"), join("b", "cpu"), join("c", "cpu")]
    assert lines[0].take(["cpu"])
    assert [(ticket.run, ticket.place, ticket.held) for ticket in queue.tickets()] == [
        ("a", 0, ("cpu",)),
        ("b", 1, ()),
        ("c", 2, ()),
    ]


def test_leaving_a_queue_whose_folder_was_removed_is_no_error():
    line = join("a", "cpu")
    assert line.take(["cpu"])
    shutil.rmtree(queue.home())
    line.leave()
    assert queue.tickets() == []


def test_a_removed_folder_is_made_anew_and_everyone_comes_back_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queue_entry, "SETTLE_SECONDS", 0.0)
    holder, *waiting = [join(run, "cpu") for run in "abcd"]
    assert holder.take(["cpu"])
    shutil.rmtree(queue.home())
    for line in reversed(waiting):  # the youngest notices first
        assert not line.take([])
    assert holder.keep() == ""
    assert [(ticket.run, ticket.place) for ticket in queue.tickets()] == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]
    assert not waiting[0].take(["cpu"]) and waiting[0].note == "held by a"
    holder.leave()
    assert not waiting[1].take(["cpu"]) and waiting[0].take(["cpu"])
    assert stat.S_IMODE((queue.home() / "tickets").stat().st_mode) == 0o700


def test_who_waits_lets_the_holders_come_back_first():
    holder, waiting = join("a", "cpu"), join("b", "cpu")
    assert holder.take(["cpu"])
    shutil.rmtree(queue.home())
    assert not waiting.take(["cpu"])  # the device seems free, for its holder has not looked yet
    assert waiting.note == "the queue's folder was removed; rejoined the queue"
    assert holder.keep() == ""
    waiting._settled = 0.0
    assert not waiting.take(["cpu"]) and waiting.note == "held by a"


def test_a_holder_whose_device_was_given_away_says_so_and_goes_on():
    holder = join("a", "cpu")
    assert holder.take(["cpu"])
    shutil.rmtree(queue.home())
    newcomer = join("b", "cpu")
    assert newcomer.take(["cpu"])
    assert holder.keep() == "another run took cpu after the queue's folder was removed"
    newcomer.leave()
    assert holder.keep() == ""
    assert not join("c", "cpu").take(["cpu"])


def test_a_taken_number_gives_the_next_one_to_who_comes_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queue_entry, "SETTLE_SECONDS", 0.0)
    first, second = join("a", "cpu"), join("b", "cpu")
    shutil.rmtree(queue.home())
    newcomer = join("new", "cpu")  # the folder is empty, so it has number 1
    assert not first.take([]) and not second.take([])
    numbers = [newcomer.ticket.number, first.ticket.number, second.ticket.number]
    assert numbers == [1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists locks")
def test_a_line_that_does_not_move_names_the_stopped_supervisor_at_its_head():
    code = "import sys; from pathlib import Path; from engine.launch.queue_entry import *; line = QueueEntry('a', Path('/a'), DeviceRequest(('cpu',))); print(flush=True); input()"
    first = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert first.stdout is not None and first.stdout.readline()
        second = join("b", "cpu")
        assert not second.take(["cpu"]) and second.note == "behind run a"
        os.kill(first.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, first.pid, os.WSTOPPED)
        assert not second.take(["cpu"])
        assert second.note.startswith(f"behind run a of process {first.pid} (") and "which is stopped" in second.note
    finally:
        os.kill(first.pid, signal.SIGCONT)
        first.communicate(b"\n")


def test_a_full_disk_keeps_no_device_and_no_place(monkeypatch: pytest.MonkeyPatch):
    line = join("a", "cpu")
    with monkeypatch.context() as patched:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patched.setattr(queue, "write", full)
        for attempt in (lambda: line.take(["cpu"]), lambda: join("b", "cpu")):
            with pytest.raises(BadInput, match="cannot use the queue's folder .*: No space left on device"):
                attempt()
        shutil.rmtree(queue.home())
        with pytest.raises(BadInput, match="No space left"):
            line.take(["cpu"])
        assert list((queue.home() / "tickets").iterdir()) == []
    line._settled = 0.0
    assert not line.take([]) and line.ticket.number == 1
    line._settled = 0.0
    assert line.take(["cpu"])
