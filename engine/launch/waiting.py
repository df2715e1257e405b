"""A run waits in the queue of this machine until its devices are free."""

import time
from dataclasses import dataclass
from typing import Protocol

from engine.contract.errors import BadInput
from engine.contract.flock import Busy
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.launch import devices
from engine.launch.queue_entry import QueueEntry
from engine.launch.signals import Signals

SLOWEST_POLL = 10  # times `Timing.poll`, for runs far back in line: a hundred waiting runs must not keep a core busy
JOIN_SECONDS = 2.0  # how long to retry joining a queue whose folder cannot be used: it may be in the middle of removal


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between heartbeats, between checks of the queue, and from a stop to a kill."""

    beat: float = 2.0
    poll: float = 1.0
    grace: float = 30.0


class Beat(Protocol):
    """Writes a heartbeat: the state, the place in line, and a note on what the run waits for."""

    def __call__(self, state: str, place: int = 0, note: str = "") -> None: ...


def wait_in_line(
    run: RunFolder, placement: Placement, timing: Timing, signals: Signals, beat: Beat
) -> QueueEntry | None:
    """The queue entry once it holds its devices; None if the run was asked to stop while it waited.

    Trouble with the queue becomes a note and not a failure, except for a run that cannot join at all.

    Raises:
        BadInput: the run cannot join the queue, or its placement names no device of this machine.
    """
    request = devices.request(placement)
    entry: QueueEntry | None = None
    note, place, next_poll, began = "", 0, 0.0, time.monotonic()
    while not signals.requested:
        if time.monotonic() >= next_poll:
            try:
                entry = entry or QueueEntry(run.id, run.path, request)
                ready, device_note = devices.usable(request, placement.wait_free_gb)
                if entry.take(ready):
                    return entry
                note, place = device_note or entry.note, entry.ticket.place
            except BadInput as problem:
                if not (entry or isinstance(problem, Busy)) and time.monotonic() - began > JOIN_SECONDS:
                    raise
                note = str(problem)
            next_poll = time.monotonic() + timing.poll * min(max(place, 1), SLOWEST_POLL)
        beat("queued", place, note)
        signals.sleep(min(next_poll - time.monotonic(), timing.beat))
    if entry:
        entry.leave()
    return None
