"""The runs of the runs folder as a short list beside the one that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.drawing.format import duration, percent
from tui.drawing.lines import Line, clip, fit, heading, hints
from tui.drawing.typeset import Column, Table

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
    shown = runs[first : first + room]
    lines += [_row(run, cells, recipe) for run, cells in zip(shown, runs_here_table(shown).rows, strict=True)]
    return [clip(line, width) for line in lines[:height]]


def runs_here_table(runs: Sequence[HereRun]) -> Table:
    """One row for each run of the list."""
    rights = (Column(head, right=True) for head in ("epoch", "last, %", "left"))
    columns = (Column("id"), Column("recipe"), *rights, Column("state"))
    rows = [
        (
            run.id,
            one_line(run.recipe),
            f"{run.epoch}/{run.epochs}",
            percent(run.accuracy),
            "" if math.isnan(run.left) else f"~{duration(run.left)}",
            run.state,
        )
        for run in runs
    ]
    return Table("runs here", columns, tuple(rows))


def _row(run: HereRun, cells: Sequence[str], recipe: int) -> Line:
    whole_id, name, epoch, last, left, state = cells
    line: Line = [
        (f"{run.mark[:1]} ", run.role),
        (fit(whole_id[-4:], _ID), run.role),
        (fit(name, recipe - 1) + " ", "strong" if run.shown else ""),
    ]
    if run.state not in ("running", "stopping", "finished"):
        return [*line, (state.rjust(_EPOCH + _LAST + _LEFT), "dim")]
    line.append((epoch.rjust(_EPOCH), ""))
    line.append((last.rjust(_LAST), "strong"))
    return [*line, (("done" if run.state == "finished" else left).rjust(_LEFT), "dim")]
