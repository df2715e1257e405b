"""A line about the other live runs: the first of them, and how many more there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import duration, percent
from tui.drawing.lines import Line, hints
from tui.drawing.status_line import justify
from tui.drawing.typeset import Column, Table


@dataclass(frozen=True, slots=True)
class OtherRun:
    """Another live run, for a line of its own."""

    recipe: str
    id: str
    state: str
    device: str
    epoch: int
    epochs: int
    accuracy: float
    left: float = math.nan
    mark: str = "●"
    role: str = "dim"


def device_name(device: str) -> str:
    """A device as people call it: "cuda:1" is "GPU 1"."""
    kind, _, index = device.partition(":")
    return f"GPU {index}" if kind == "cuda" and index else device


def others_table(others: Sequence[OtherRun]) -> Table:
    """One row for each other live run."""
    rights = (Column(head, right=True) for head in ("epoch", "epochs", "last, %", "left"))
    columns = (*map(Column, ("id", "recipe", "device", "state")), *rights)
    rows = [
        (
            other.id,
            one_line(other.recipe),
            one_line(device_name(other.device)),
            other.state,
            str(other.epoch),
            str(other.epochs),
            percent(other.accuracy),
            "" if math.isnan(other.left) else f"~{duration(other.left)}",
        )
        for other in others
    ]
    return Table("also on", columns, tuple(rows))


def also_running(others: Sequence[OtherRun], width: int) -> Line:
    """One other live run, how many more there are, and the keys that switch to them."""
    if not others:
        return []
    other = others[0]
    whole_id, recipe, device, state, epoch, epochs, last, left = others_table([other]).rows[0]
    line: Line = [
        (" also on   ", "dim"),
        (f"{other.mark} {one_line(recipe, 28)}", other.role),
        (f"  {whole_id[-4:]}", other.role),
        (f"  {one_line(device, 16)}" if device else "", "dim"),
    ]
    if other.state == "running":
        done = other.epoch / other.epochs if other.epochs else math.nan
        line += [("  epoch ", "dim"), (epoch, ""), (f"/{epochs}   ", "dim")]
        line += [*bar(done, 14, other.role), (f"   {last} %", "strong")]
    else:
        line.append((f"  {state}", "dim"))
    if left:
        line.append((f"   {left}", "dim"))
    more = len(others) - 1
    return justify(line, hints([(", .", f"and {more} more" if more else "previous, next run")]), width - 1)
