"""What is measured, in which order, and what a budget leaves out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Row


@dataclass(frozen=True)
class Wishes:
    """The options of the command line that areas need.

    `quick` measures fewer rounds. `airbench` is a checkout of KellerJordan/cifar10-airbench, or None.
    """

    quick: bool = False
    airbench: Path | None = None


@dataclass(frozen=True)
class Case:
    """Contestants that are measured together.

    `rank` orders the cases under a budget, 0 first. `seconds` is a rough estimate; only the estimates' relations
    matter, since `Budget` corrects them by the time that cases really take.
    """

    area: str
    name: str
    rank: int
    seconds: float
    measure: Callable[[], Iterable[Row]]


class Budget:
    """Chooses the cases that fit into a time.

    Args:
        seconds: counted from now; None for no limit.
        clock: the current time in seconds.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._began = clock()
        self._spent = self._estimated = 0.0
        self.left_out: list[Case] = []

    def chosen(self, cases: Iterable[Case]) -> Iterator[Case]:
        """The cases to run, most important first; without a limit, all in their order. Each has to be run before the
        next one is asked for. Cases that do not fit any more go to `left_out`, and smaller ones may still follow."""
        ordered = cases if self.seconds is None else sorted(cases, key=lambda case: case.rank)
        for case in ordered:
            if self.seconds is not None and self._clock() - self._began + self.expected(case) > self.seconds:
                self.left_out.append(case)
                continue
            began = self._clock()
            yield case
            self._spent += self._clock() - began
            self._estimated += case.seconds

    def expected(self, case: Case) -> float:
        """Seconds that a case should take, judging by the cases that have run."""
        return case.seconds * (self._spent / self._estimated if self._estimated else 1.0)
