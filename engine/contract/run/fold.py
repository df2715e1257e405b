"""The facts about a run that a listing shows, folded from its events file.

Most lines are steps and samples, of which only the times matter here: these are extracted without parsing the line, so
ten thousand finished runs are folded in seconds.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from engine.contract.lines import LineReader, pieces
from engine.contract.run.course import Course
from engine.contract.run.event_file import read_event
from engine.contract.run.work import Kind
from engine.contract.values import parse_lines

BLOCK_BYTES: Final = 1 << 18  # how much of a long file is in memory at once
PIECE_BYTES: Final = 1 << 16  # how much of that as Python objects, between which later ones would be scattered
TAIL_BYTES: Final = 64 * 1024  # enough for the last epoch and the closing event of any run
_SKIPPED: Final = (b'{"event": "step"', b'{"event": "system"', b'{"event": "message"')
_TIMES: Final = re.compile(rb'\{"event": "(step)?\w*", "t": ([-+.\deE]+)(?:, "worked": ([-+.\deE]+))?')


class RunFold:
    """The course of a run, brought up to date with its events file by every poll.

    Args:
        without: fields of events that the course is to lack, to save memory.
    """

    def __init__(self, events: Path, without: Collection[str] = ()) -> None:
        self._lines = LineReader(events)
        self._without = without
        self._restarts = 0
        self._garbage = 0
        self.course = Course()

    def poll(self) -> RunFold:
        """Fold what was written since the last call."""
        while block := self._lines.poll(BLOCK_BYTES):
            if self._lines.restarts != self._restarts:
                self._restarts = self._lines.restarts
                self.course = Course()
            for piece in pieces(block, PIECE_BYTES):
                self._feed(piece)
        return self

    def poll_tail(self) -> RunFold:
        """Fold only the end of the file: enough for the course's `phase` and `closing`."""
        self._lines.seek_tail(TAIL_BYTES)
        return self.poll()

    @property
    def garbage(self) -> int:
        """Number of invalid lines and values, apart from steps, samples and messages, which are not parsed here."""
        return self._garbage + self._lines.garbage

    @property
    def seconds(self) -> float:
        """Working time over all attempts, without the pauses between them."""
        return self.course.work.seconds

    def _feed(self, block: bytes) -> None:
        for skipped, lines in itertools.groupby(block.split(b"\n"), lambda line: line.startswith(_SKIPPED)):
            if skipped:
                self._take_times(list(lines))
            else:
                tables, garbage = parse_lines(b"\n".join(lines))
                self._garbage += garbage
                for table in tables:
                    event, bad = read_event(table, self._without)
                    self._garbage += bad
                    if event:
                        self.course.take(event)

    def _take_times(self, lines: list[bytes]) -> None:
        """Take the times of consecutive lines: of the first and last one, unless a new attempt begins in between."""
        first, last = _times(lines[0]), _times(lines[-1])
        if first[2] <= last[2]:  # `worked` has not decreased; False for the NaN of older files
            self.course.work.see(*first)
            self.course.work.see(*last)
            return
        for line in lines:
            self.course.work.see(*_times(line))


def _times(line: bytes) -> tuple[Kind, float, float]:
    """Kind, time and working time of a skipped line; NaN for a time that it does not hold."""
    found = _TIMES.match(line)
    if found is None:
        return "sample", math.nan, math.nan
    return "loop" if found[1] else "sample", _number(found[2]), _number(found[3])


def _number(text: bytes | None) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return math.nan
