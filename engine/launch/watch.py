"""Follow a run through its files: what a foreground command and `runs watch` show. Several may watch one run."""

import time
from collections.abc import Iterator
from typing import Final

from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Event
from engine.contract.run.folder import RunFolder
from engine.contract.run.status import Status

SHORTEST: Final = 0.05  # seconds between polls right after something happened
LONGEST: Final = 1.0
BACK_OFF: Final = 1.5


def follow(run: RunFolder, *, tail: int | None = None, longest: float = LONGEST) -> Iterator[Event | Status]:
    """Yield what happens in a run, until it has ended and all of its events have been yielded.

    Yields every event from the beginning, across attempts, and a Status whenever state, phase, place or message change;
    the last item is the Status that the run ended with. Polls less often while nothing happens.

    Args:
        tail: of the events already written, yield only those in the last `tail` bytes.
        longest: longest pause between two polls, in seconds.
    """
    reader = EventReader(run.events)
    if tail is not None:
        yield from reader.tail(tail)
    known: tuple[object, ...] = ()
    pause = SHORTEST
    while True:
        status = run.status()  # before the events, so that an ended run has written all of them
        events = reader.poll()
        yield from events
        news = (status.state, status.reason, status.message, status.phase, status.note, status.place)
        if news != known:
            known = news
            yield status
        if not status.live:
            return
        pause = SHORTEST if events else min(pause * BACK_OFF, longest)
        time.sleep(min(pause, longest))
