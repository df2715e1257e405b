"""The points of a scalar: collected in bounded memory, merged from several files, and brought into order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MOST_TAGS: Final = 5000
"""Scalars of one file. More are a mistake, such as a tag with the step in its name, and nobody could look at them."""
MOST_PER_TAG: Final = 200_000
"""Points kept of one scalar; of longer ones, every second, fourth, eighth and so on is kept."""
MOST_POINTS: Final = 4_000_000
"""Points kept of all scalars of one file, 24 bytes each."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one scalar, in the order of time. Times are in seconds since 1970, 0 if unknown."""

    steps: Array
    times: Array
    values: Array
    seen: int
    """Number of points in the files, which is larger than that of the points kept if there were very many."""

    def __len__(self) -> int:
        return len(self.values)


class Track:
    """Collects the points of one scalar of one file."""

    def __init__(self) -> None:
        self.seen = 0
        self.every = 1
        self._kept = array("d")  # step, time and value in turn
        self._last = (0.0, 0.0, 0.0)

    def __len__(self) -> int:
        return len(self._kept) // 3

    def add(self, step: float, time: float, value: float) -> bool:
        """Take in the next point; whether it was kept."""
        self._last = (step, time, value)
        self.seen += 1
        if (self.seen - 1) % self.every:
            return False
        self._kept.extend(self._last)
        return True

    def thin(self) -> None:
        """Drop every second point, now and from now on."""
        rows = np.frombuffer(self._kept).reshape(-1, 3)[::2].copy()
        self._kept = array("d", rows.tobytes())
        self.every *= 2

    def points(self) -> Points:
        """The points so far. The last one is always among them."""
        rows = np.frombuffer(self._kept).reshape(-1, 3)
        if self.seen and (self.seen - 1) % self.every:
            rows = np.vstack([rows, self._last])
        return Points(rows[:, 0].copy(), rows[:, 1].copy(), rows[:, 2].copy(), self.seen)


class Tracks:
    """The scalars of one file by tag, within the limits of memory."""

    def __init__(self) -> None:
        self.by_tag: dict[str, Track] = {}
        self._room = MOST_PER_TAG
        self._total = 0

    @property
    def too_many(self) -> bool:
        """Whether the file has more scalars than are read."""
        return len(self.by_tag) > MOST_TAGS

    def add(self, tag: str, step: float, time: float, value: float) -> None:
        """Take in a point."""
        track = self.by_tag.get(tag)
        if track is None:
            track = self.by_tag[tag] = Track()
        if not track.add(step, time, value):
            return
        self._total += 1
        if len(track) > self._room:
            self._thin(track)
        while self._total > MOST_POINTS and self._room > 2:
            self._room //= 2
            for long in self.by_tag.values():
                if len(long) > self._room:
                    self._thin(long)

    def _thin(self, track: Track) -> None:
        before = len(track)
        track.thin()
        self._total -= before - len(track)


def merged(parts: Sequence[Points]) -> Points:
    """The points of a scalar from several files: in the order of their times where these are known."""
    if len(parts) == 1:
        return parts[0]
    steps, times, values = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "times", "values")
    )
    order = np.argsort(times, kind="stable") if times.all() else np.arange(len(times))
    return Points(steps[order], times[order], values[order], sum(part.seen for part in parts))


def without_resets(points: Points) -> tuple[Points, int]:
    """The points with ascending steps, and how often the step went back.

    After a step back, later points replace the earlier ones from that step on, as TensorBoard does for a run that was
    resumed from an older checkpoint. Of several points at one step the last one counts.
    """
    steps = points.steps
    back = np.flatnonzero(np.diff(steps) < 0)
    # A point stays unless a later one has the same step or a smaller one.
    lowest_later = np.minimum.accumulate(steps[::-1])[::-1] if len(steps) else steps
    stays = np.ones(len(steps), dtype=bool)
    stays[:-1] = steps[:-1] < lowest_later[1:]
    if stays.all():
        return points, 0
    return Points(steps[stays], points.times[stays], points.values[stays], points.seen), len(back)
