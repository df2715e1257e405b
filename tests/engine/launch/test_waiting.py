"""A run waits for its devices; with real supervisors: test_supervisor_queue.py."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.flock import Busy
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch import queue, waiting
from engine.launch.queue import DeviceRequest
from engine.launch.queue_entry import QueueEntry
from engine.launch.waiting import Timing, wait_in_line

CPU = Placement(device="cpu")
TIMING = Timing(poll=0.0)


class Asked:
    """Stands in for `Signals`: no signal arrives, and whatever is to happen happens while the supervisor sleeps."""

    requested = ""

    def __init__(self, *happens) -> None:
        self._happens = list(happens)

    def sleep(self, seconds: float) -> None:
        if self._happens:
            self._happens.pop(0)()

    def stop(self) -> None:
        self.requested = "stopped"


def wait(tmp_path: Path, asked: Asked):
    beats = []

    def beat(state: str, place: int = 0, note: str = "") -> None:
        beats.append((state, place, note))

    entry = wait_in_line(RunFolder(tmp_path / "20261128-051024-abcd"), CPU, TIMING, asked, beat)
    return entry, beats


def test_a_free_device_is_taken_at_once(tmp_path):
    entry, beats = wait(tmp_path, Asked())
    assert entry.ticket.held == ("cpu",) and beats == []
    entry.leave()


def test_a_run_waits_until_the_one_before_it_leaves(tmp_path):
    first = QueueEntry("first", Path("/runs/first"), DeviceRequest(("cpu",), 1))
    assert first.take(["cpu"])
    entry, beats = wait(tmp_path, Asked(lambda: None, first.leave))
    assert entry.ticket.held == ("cpu",)
    assert [(state, place) for state, place, _ in beats] == [("queued", 1)] * 2 and "first" in beats[0][2]
    entry.leave()


def test_a_run_that_is_asked_to_stop_leaves_the_line(tmp_path):
    first = QueueEntry("first", Path("/runs/first"), DeviceRequest(("cpu",), 1))
    assert first.take(["cpu"])
    asked = Asked()
    asked._happens.append(asked.stop)
    entry, _ = wait(tmp_path, asked)
    assert entry is None and [ticket.run for ticket in queue.tickets()] == ["first"]
    first.leave()


@pytest.mark.parametrize(("problem", "ends"), [(BadInput, True), (Busy, False)])
def test_a_queue_that_cannot_be_joined_is_a_note_for_a_moment_and_then_a_failure_unless_it_is_busy(
    tmp_path, monkeypatch, problem, ends
):
    def refuse(*arguments):
        raise problem("the queue cannot be used")

    monkeypatch.setattr(waiting, "QueueEntry", refuse)
    monkeypatch.setattr(waiting, "JOIN_SECONDS", -1.0)
    asked = Asked()
    asked._happens.append(asked.stop)
    if ends:
        with pytest.raises(BadInput, match="the queue cannot be used"):
            wait(tmp_path, asked)
    else:
        assert wait(tmp_path, asked) == (None, [("queued", 0, "the queue cannot be used")])
    monkeypatch.setattr(waiting, "JOIN_SECONDS", 60.0)
    asked = Asked()
    asked._happens.append(asked.stop)
    assert wait(tmp_path, asked) == (None, [("queued", 0, "the queue cannot be used")])
