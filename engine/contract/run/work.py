"""How long a run has been at work, over all its attempts and without the pauses between them.

Every event carries `worked`, the monotonic seconds of its attempt, so the time of an attempt is the largest `worked` in
it, and the sum over the attempts holds lost work as well. Events of older versions have only wall-clock times. There an
attempt is estimated: it runs from its first event after a pause to its last, and no gap within it counts for more than
ten minutes, so that neither a suspended laptop nor a clock that was set can make hours of work.
"""

from __future__ import annotations

import itertools
import math
from typing import Final, Literal

from engine.contract.clock import LATEST

LONGEST_GAP: Final = 600.0
"""Seconds between two events of an attempt; what is longer was no work."""
LONGEST_WORK: Final = 1e9
"""Seconds, some thirty years: a larger `worked` is garbage."""

OUT_OF_ORDER: Final = 2.0
"""Seconds by which `worked` may fall within an attempt, should two threads have written in another order."""

Kind = Literal["opening", "loop", "closing", "sample"]
"""What an event says about where its attempt stands.

opening: it is getting ready. loop: it trains. closing: its last word. sample: it may come at any time.
"""


class WorkClock:
    """Adds up time at work from events in the order of the file. Being shown the same events again changes nothing."""

    def __init__(self) -> None:
        self._attempts: dict[float, float] = {}  # seconds, by the wall clock of the first event
        self._begun = math.nan  # key of the current attempt
        self._measured = True  # whether the current attempt tells `worked`
        self._trained = False  # whether the current attempt has come to its loop or its end
        self._closed = False
        self._recent: list[float] = []  # times since the last event of the loop, of an attempt that is not measured
        self.estimated = False
        """Whether a part of the time was judged by wall clocks."""

    @property
    def seconds(self) -> float:
        """Time at work so far."""
        return sum(self._attempts.values()) + _span(self._recent)

    def see(self, kind: Kind, t: float, worked: float) -> None:
        """Take in the next event.

        Args:
            t: its wall clock, seconds since 1970; 0, and one that no calendar has, tells nothing.
            worked: monotonic seconds of its attempt; NaN where the event does not tell them.
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
            return  # a line without `worked` in the middle of an attempt whose other lines have it
        elif (kind == "opening" and self._trained) or (kind != "sample" and self._closed):
            self._pause(t)
        self._recent.append(t)
        if kind in ("loop", "closing"):
            self._attempts[self._begun] += _span(self._recent)
            self._recent = [t]
        self._trained = self._trained or kind in ("loop", "closing")
        self._closed = self._closed or kind == "closing"

    def _pause(self, t: float) -> None:
        """Another attempt has begun by `t`: the longest gap since the last one was at work was the pause.

        Samples of the machine come every few seconds from both, and the new attempt's may come before its first word.
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
        self._attempts.pop(t, None)  # shown again: it becomes the current one again
        self._attempts[t] = 0.0
        self.estimated = self.estimated or not measured


def _span(times: list[float]) -> float:
    """Seconds from the first to the last, no gap counting for more than LONGEST_GAP and none backwards."""
    return sum(min(max(later - earlier, 0.0), LONGEST_GAP) for earlier, later in itertools.pairwise(times))
