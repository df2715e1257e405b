"""How the Dashboard divides the screen: a pure function of its size and of the number of classes.

Below 80x24 the log is dropped first, then the lines about the system. Accuracy, loss, classes and GPU always stay.
Width from 160 columns on goes to another run, not to longer bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.drawing.per_class import WORST

WIDE: Final = 100
TALL: Final = 30
WIDEST: Final = 160
TALLEST: Final = 36
"""From this height and `WIDEST` on there is a third column."""
AIRY: Final = 45
"""From this height on, a blank row stands above a heading."""
GAP: Final = 2
"""Blank columns between panes."""
_THIRD: Final = 49
"""Width that the list of runs needs for a recipe such as resnet34_cutmix."""
_FIXED = 4  # rows of the top bar, the two status lines, and the key line
_SECOND_MACHINE = 2  # rows for the use and the memory of the second run's device


@dataclass(frozen=True, slots=True)
class PaneSizes:
    """Sizes of the panes in cells, headings included; 0 leaves a pane out."""

    left: int
    right: int
    accuracy: int
    loss: int
    per_class: int
    rate: int
    gpu: int
    log: int
    below: int = 0
    """Lines below the log: health, and the other live runs."""
    health: int = 0
    third: int = 0
    """Width of the third column: the runs, and another run."""
    here: int = 0
    second: int = 0
    machine: int = 0
    """Height of the lines about the device of the second run."""

    @property
    def body(self) -> int:
        """Height of the two plots together."""
        return self.accuracy + self.loss

    @property
    def accuracy_axis(self) -> bool:
        """Whether the accuracy plot has an x axis of its own; otherwise it shares that of the plot below."""
        return self.accuracy >= 13


def layout(width: int, height: int, classes: int, runs: int = 0) -> PaneSizes:
    """The layout for a terminal of this size, a data set with this many classes, and a folder with this many runs."""
    shown = min(classes, WORST) if classes else WORST
    if width >= WIDEST and height >= TALLEST:
        return _three_columns(width, height, shown, runs)
    right = round(width * 53 / 120) if width >= WIDE else 29 + max(width - 80, 0) // 2
    left = width - GAP - right
    if width >= WIDE and height >= TALL:
        log = 4 + (height - TALL) // 5
        body = height - _FIXED - log - 2
        per_class = shown + 2
        gpu = min(9, max(body - per_class, 4))
        rate = body - per_class - gpu
        if rate < 5:
            gpu, rate = gpu + rate, 0
        rate = min(rate, 12)
        accuracy = round(body * 0.57)
        gpu = body - per_class - rate
        return PaneSizes(left, right, accuracy, body - accuracy, per_class, rate, gpu, log, below=2)
    room = height - _FIXED
    below = 1 if height >= 24 else 0
    log = min(3 + max(height - 24, 0) // 3, max(room - below - 16, 0))
    log = log if log >= 2 else 0
    body = room - log - below
    per_class = shown + 1
    accuracy = round(body * 0.6)
    return PaneSizes(left, right, accuracy, body - accuracy, per_class, 0, body - per_class, log, below)


def _three_columns(width: int, height: int, shown: int, runs: int) -> PaneSizes:
    air = 1 if height >= AIRY else 0
    third = max(round(width * 0.265), _THIRD)
    right = round(width * 0.28)
    log = 6 if height >= AIRY else 5
    body = height - _FIXED - log
    per_class, health = shown + 2 + air, 3
    gpu = min(max((body - per_class - health) // 2, 8), 11) + air
    rate = body - per_class - health - gpu
    here = min(2 + max(runs, 1), body // 3) + air
    machine = _SECOND_MACHINE + air
    accuracy = round(body * 0.6)
    return PaneSizes(
        width - right - third - 2 * GAP, right, accuracy, body - accuracy, per_class, rate, gpu, log,
        health=health, third=third, here=here, second=body - here - machine, machine=machine,
    )  # fmt: skip
