"""The queue: order, all-at-once, the dead and the orphaned. Locks belong to open files, so one process plays many."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.launch import locks, queue
from engine.launch.queue import Line, Want


def join(run: str, *devices: str, count: int = 1) -> Line:
    return Line(run, Path("/runs") / run, Want(devices, count))


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
    blocker = locks.take(queue._device_path(queue.home(), "GPU-2"))
    assert blocker is not None
    assert not one.take(["GPU-1", "GPU-2"]) and not two.take(["GPU-2", "GPU-1"])
    assert not locks.is_held(queue._device_path(queue.home(), "GPU-1"))
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
