"""Follow a run by its files: what a foreground command and `runs watch` show. Any number may watch one run."""

import time
from collections.abc import Iterator
from typing import Final

from engine.contract.run.events import Event, EventReader
from engine.contract.run.folder import RunFolder
from engine.contract.run.status import Status

SHORTEST: Final = 0.05  # seconds between looks right after something happened
LONGEST: Final = 1.0
BACK_OFF: Final = 1.5


def follow(run: RunFolder, *, tail: int | None = None, longest: float = LONGEST) -> Iterator[Event | Status]:
    """What happens in a run, until it has ended and everything it said has been given.

    Gives every event from the beginning, across attempts, and a Status whenever state, phase, place or message change;
    the last item is the Status that it ended with. Looks less often while nothing happens.

    Args:
        tail: give only the events in the last so many bytes of what is there already.
        longest: seconds between two looks, at most.
    """
    reader = EventReader(run.events)
    if tail is not None:
        yield from reader.tail(tail)
    known: tuple[object, ...] = ()
    pause = SHORTEST
    while True:
        status = run.status()  # before the events: what an ended run says, it has said by then
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
