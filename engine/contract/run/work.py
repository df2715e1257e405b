"""The working time of a run, over all attempts and without the pauses between them.

Every event carries `worked`, the monotonic seconds since its attempt began. The time of an attempt is the largest
`worked` in it, and the sum over all attempts includes lost work. Events of older versions have only wall-clock times,
from which the time is estimated: an attempt lasts from its first event after a pause to its last, and no gap within it
counts for more than ten minutes, so that neither a suspended laptop nor a change of the clock adds hours.
"""

from __future__ import annotations

import itertools
import math
from typing import Final, Literal

from engine.contract.clock import LATEST

LONGEST_GAP: Final = 600.0
"""Most seconds that the gap between two events of an attempt counts for."""
LONGEST_WORK: Final = 1e9
"""Seconds (some thirty years): a larger `worked` is garbage."""

OUT_OF_ORDER: Final = 2.0
"""Seconds by which `worked` may decrease within an attempt, as two threads may write in another order."""

Kind = Literal["opening", "loop", "closing", "sample"]
"""What an event shows about the state of its attempt.

opening: it is preparing. loop: it is training. closing: it has ended. sample: nothing, as it may come at any time.
"""


class WorkClock:
    """Adds up working time from events in the order of the file. Taking the same events again changes nothing."""

    def __init__(self) -> None:
        self._attempts: dict[float, float] = {}  # seconds, by the wall clock of the first event
        self._begun = math.nan  # key of the current attempt
        self._measured = True  # whether the current attempt has `worked`
        self._trained = False  # whether the current attempt has reached its loop or its end
        self._closed = False
        self._recent: list[float] = []  # times since the last loop event, if the attempt is estimated
        self.estimated = False
        """Whether part of the time was estimated from the wall clock."""

    @property
    def seconds(self) -> float:
        """Working time so far."""
        return sum(self._attempts.values()) + _span(self._recent)

    def see(self, kind: Kind, t: float, worked: float) -> None:
        """Take in the next event.

        Args:
            t: its wall-clock time, in seconds since 1970; 0 and times out of range are ignored.
            worked: monotonic seconds of its attempt; NaN if the event does not have them.
        """
        if 0.0 <= worked <= LONGEST_WORK:
            self._measure(kind, t, worked)
        elif 0.0 < t <= LATEST:
            self._estimate(kind, t)

    def _measure(self, kind: Kind, t: float, worked: float) -> None:
        current = self._attempts.get(self._begun)
        slack = 0.0 if kind == "opening" else OUT_OF_ORDER
        if current is None or not self._measured or worked < current - slack:
            self._begin(t, measured=True)
            current = 0.0
        self._attempts[self._begun] = max(current, worked)

    def _estimate(self, kind: Kind, t: float) -> None:
        if self._begun not in self._attempts or (self._measured and kind == "opening"):
            self._begin(t, measured=False)
        elif self._measured:
            return  # a line without `worked` in an attempt whose other lines have it
        elif (kind == "opening" and self._trained) or (kind != "sample" and self._closed):
            self._pause(t)
        self._recent.append(t)
        if kind in ("loop", "closing"):
            self._attempts[self._begun] += _span(self._recent)
            self._recent = [t]
        self._trained = self._trained or kind in ("loop", "closing")
        self._closed = self._closed or kind == "closing"

    def _pause(self, t: float) -> None:
        """Another attempt has begun by `t`: the longest gap since the last loop event was the pause.

        Both attempts write a system sample every few seconds, the new one possibly before its first other event.
        """
        times = [*self._recent, t]
        gaps = [abs(later - earlier) for earlier, later in itertools.pairwise(times)]
        at = gaps.index(max(gaps)) + 1
        self._recent = times[:at]
        self._begin(times[at], measured=False)
        self._recent = times[at:-1]

    def _begin(self, t: float, *, measured: bool) -> None:
        if self._begun in self._attempts:
            self._attempts[self._begun] += _span(self._recent)
        t = t if math.isfinite(t) else 0.0
        self._begun, self._measured, self._trained, self._closed, self._recent = t, measured, False, False, []
        self._attempts.pop(t, None)  # taken again: it becomes the current one again
        self._attempts[t] = 0.0
        self.estimated = self.estimated or not measured


def _span(times: list[float]) -> float:
    """Seconds from the first to the last time; a gap counts for LONGEST_GAP at most, and a step back for nothing."""
    return sum(min(max(later - earlier, 0.0), LONGEST_GAP) for earlier, later in itertools.pairwise(times))
