"""The runs of the runs folder as a short list beside the one that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.drawing.format import duration, percent
from tui.drawing.lines import Line, clip, fit, heading, hints

_ID, _EPOCH, _LAST, _LEFT = 6, 8, 7, 9
"""Widths of the columns; the recipe has the rest."""


@dataclass(frozen=True, slots=True)
class HereRun:
    """One run of the list."""

    id: str
    recipe: str
    state: str
    mark: str
    role: str
    epoch: int = 0
    epochs: int = 0
    accuracy: float = math.nan
    left: float = math.nan
    """Estimated seconds until its end."""
    shown: bool = False
    """Whether it is the run that the screen shows."""


def runs_here(runs: Sequence[HereRun], width: int, height: int) -> list[Line]:
    """A heading, the column heads, and as many runs as fit, always with the one that is shown."""
    room = max(height - 2, 0)
    at = next((i for i, run in enumerate(runs) if run.shown), 0)
    first = min(max(at - room + 1, 0), max(len(runs) - room, 0))
    recipe = max(width - 2 - _ID - _EPOCH - _LAST - _LEFT, 4)
    head = f"  {'id':<{_ID}}{'recipe':<{recipe}}{'epoch':>{_EPOCH}}{'last':>{_LAST}}{'left':>{_LEFT}}"
    more = f"{len(runs)} runs" if len(runs) > room else ""
    lines: list[Line] = [heading("runs here", width, [hints([(", .", "move")]), more]), [(head, "dim")]]
    lines += [_row(run, recipe) for run in runs[first : first + room]]
    return [clip(line, width) for line in lines[:height]]


def _row(run: HereRun, recipe: int) -> Line:
    name = fit(one_line(run.recipe), recipe - 1) + " "
    line: Line = [
        (f"{run.mark[:1]} ", run.role),
        (fit(run.id[-4:], _ID), run.role),
        (name, "strong" if run.shown else ""),
    ]
    if run.state not in ("running", "stopping", "finished"):
        return [*line, (run.state.rjust(_EPOCH + _LAST + _LEFT), "dim")]
    line.append((f"{run.epoch}/{run.epochs}".rjust(_EPOCH), ""))
    line.append((percent(run.accuracy).rjust(_LAST), "strong"))
    left = "done" if run.state == "finished" else "" if math.isnan(run.left) else f"~{duration(run.left)}"
    return [*line, (left.rjust(_LEFT), "dim")]
