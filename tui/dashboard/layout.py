"""How the Dashboard divides the screen: a pure function of its size and of the number of classes.

Below 80x24 the log is dropped first, then the lines about the system. Accuracy, loss, classes and GPU always stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.drawing.per_class import WORST

WIDE: Final = 100
TALL: Final = 30
_FIXED = 4  # rows of the top bar, the two status lines, and the key line


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of the panes in cells, headings included; 0 leaves a pane out."""

    left: int
    right: int
    accuracy: int
    loss: int
    per_class: int
    rate: int
    gpu: int
    log: int
    below: int
    """Lines below the log: health, and the other live runs."""

    @property
    def body(self) -> int:
        """Height of the two plots together."""
        return self.accuracy + self.loss

    @property
    def accuracy_axis(self) -> bool:
        """Whether the accuracy plot has an x axis of its own; otherwise it shares that of the plot below."""
        return self.accuracy >= 13


def layout(width: int, height: int, classes: int) -> Layout:
    """The layout for a terminal of this size and a data set with this many classes."""
    right = round(width * 59 / 120) if width >= WIDE else 29 + max(width - 80, 0) // 2
    left = width - 1 - right
    shown = min(classes, WORST) if classes else WORST
    if width >= WIDE and height >= TALL:
        log = 4 + (height - TALL) // 5
        body = height - _FIXED - log - 2
        per_class = shown + 2
        gpu = min(8, max(body - per_class, 4))
        rate = body - per_class - gpu
        if rate < 4:
            gpu, rate = gpu + rate, 0
        rate = min(rate, 12)
        return Layout(left, right, body // 2, body - body // 2, per_class, rate, body - per_class - rate, log, 2)
    room = height - _FIXED
    log = min(3 + max(height - 24, 0) // 3, max(room - 17, 0))
    log = log if log >= 2 else 0
    body = room - log
    per_class = shown + 1
    accuracy = round(body * 10 / 17)
    return Layout(left, right, accuracy, body - accuracy, per_class, 0, body - per_class, log, 0)
