"""How New run divides the screen: a pure function of its size, and of how many GPUs, changes and problems there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WIDE: Final = 160
"""Columns from which the right half is full and what belongs to the form stands below it, not across the screen."""
TALL: Final = 34
TALLEST: Final = 45
"""Rows from which pictures stand beside the form at that width."""
_FRAME: Final = 3
"""Rows of the top bar, the preset and the key line."""
_PICTURES: Final = 18
"""Rows of two pictures of 32 x 32 pixels with heading and caption."""
_LOWER, _SWEEP, _ESTIMATES = 9, 10, 8
"""Rows of the estimates and the rate finder beside each other, how many more a sweep gets, and rows of the estimates
where they stand alone."""
_LEAST_RATE: Final = 8
_MEMORY: Final = 2
"""Rows of the memory of the cards besides one for each: the heading, and what the parts of the bars mean."""


@dataclass(frozen=True, slots=True)
class Division:
    """Rows of the panes by their selectors; 0 leaves a pane out. What is not named takes the rest."""

    rows: Mapping[str, int]
    foot: int
    """Rows of the panes below the form, in all."""
    wide: bool
    """Whether the right half reaches down to the key line."""


def divide(width: int, height: int, gpus: int, changes: int, problems: int = 0, *, sweeping: bool = False) -> Division:
    """The rows of every pane in a terminal of this size.

    Args:
        gpus, changes, problems: how many there are.
        sweeping: whether the rate finder is shown; its chart takes the place of the pictures.
    """
    wide, tall = width >= WIDE and height >= TALL, height >= TALL
    listed = min(changes, 1 if not tall else 3 if height < TALLEST else 6)
    command, text = (4, 4) if wide else (4, 3) if tall else (3, 2)
    command = 3 if tall and not wide and listed > 2 else command
    foot = {"#command": command, "#changed": 1, "#changes": listed, "#help": text, "#wrong": min(problems, 1)}
    pictures, memory, lower = 0, 0, height - _FRAME - sum(foot.values()) if sweeping else _ESTIMATES
    if wide:
        room = height - _FRAME - _LEAST_RATE - _LOWER
        lower = _LOWER + (min(_SWEEP, room) if sweeping else 0)
        pictures = _PICTURES if room >= _PICTURES and not sweeping else 0
        room -= lower - _LOWER
        memory = min(_MEMORY + gpus, room - pictures) if gpus and room - pictures > _MEMORY else 0
    return Division({**foot, "#seen": pictures, "#memory": memory, "#lower": lower}, sum(foot.values()), wide)
