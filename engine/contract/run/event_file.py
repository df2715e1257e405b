"""Read and write `events.jsonl`: events as lines of JSON, one writer, any number of readers."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.contract.lines import LineReader, LineWriter
from engine.contract.run.events import KINDS, Event, Finished
from engine.contract.values import build_leniently, parse, parse_lines, plain


def as_table(event: Event) -> dict[str, Any]:
    """The event as strict JSON data with its kind under "event", as `--json` prints it."""
    table: dict[str, Any] = plain(event)
    if math.isnan(event.worked):
        del table["worked"]  # not written by a trainer
    return {"event": event.KIND} | table


def encode(event: Event) -> str:
    """One line of strict JSON without its newline. NumPy scalars and arrays are written as plain numbers."""
    return json.dumps(as_table(event), allow_nan=False)


def decode(line: str | bytes) -> Event | None:
    """The event of a line, or None for an unknown kind and for anything that is not an event. Never raises."""
    table = parse(line)
    return None if table is None else from_table(table)


def from_table(table: dict[str, Any]) -> Event | None:
    """The event of a JSON object, or None if its kind is unknown or an essential field is invalid."""
    return read_event(table)[0]


def read_event(table: dict[str, Any], without: Collection[str] = ()) -> tuple[Event | None, int]:
    """The event of a JSON object, and its number of garbage values.

    These are the fields that keep their defaults because their values have a wrong type or are out of range; an event
    that is dropped counts as 1. Fields in `without` are checked but not kept.
    """
    name = table.get("event")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        return None, 0
    event, bad = build_leniently(kind, {"t": 0.0} | table, without)
    if "t" in bad:
        event = replace(event, t=0.0)  # the default would be the reader's clock
    return (None, 1) if any(name in bad for name in kind.ESSENTIAL) else (event, len(bad))


class EventWriter:
    """Appends events to `events.jsonl`: one unbuffered write each, fsync at most every five seconds and at the end.

    Threads may share it.
    """

    def __init__(self, path: Path, began: float | None = None, earlier: float = 0.0) -> None:
        """Open or create the file.

        Args:
            began: the monotonic clock at the start of the attempt. If given, every event gets the seconds since then as
                `worked`, which never decreases from one line to the next, and `Finished` gets the total working time.
            earlier: working time of the attempts before this one, in seconds.
        """
        self._lines = LineWriter(path)
        self._began, self._earlier = began, earlier
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Append one event. OSError if the disk is full."""
        with self._lock:
            if self._began is not None:
                event = replace(event, worked=round(time.monotonic() - self._began, 3))
            if self._began is not None and isinstance(event, Finished):
                event = replace(event, seconds=self._earlier + event.worked)
            self._lines.write(encode(event))

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventReader:
    """Follows an events file. Never raises.

    `garbage` counts lines that are no JSON object or too long, events that were dropped, and fields with bad values. A
    file that was truncated or replaced is read again from its start, and `restarts` is increased.
    """

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self._garbage = 0

    @property
    def garbage(self) -> int:
        return self._garbage + self._lines.garbage

    @property
    def restarts(self) -> int:
        return self._lines.restarts

    def poll(self) -> list[Event]:
        """The events since the last call. An incomplete line is left for a later call."""
        tables, garbage = parse_lines(self._lines.poll())
        read = [read_event(table) for table in tables]
        self._garbage += garbage + sum(bad for _, bad in read)
        return [event for event, _ in read if event is not None]

    def tail(self, size: int) -> list[Event]:
        """The events in the last `size` bytes; the next poll continues after them."""
        self._lines.seek_tail(size)
        return self.poll()
