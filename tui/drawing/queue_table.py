"""The queue as tables, one for each of its sections: the screen prints their cells, and exports write them whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.cost import seconds_left
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from engine.launch.queue import Ticket
from tui.drawing.format import NONE, clock, duration
from tui.drawing.lines import Line, fit
from tui.drawing.typeset import Column, Table

HOLDING: Final = "on a device"
"""The title of the section of runs that hold a device."""
WAITING: Final = "waiting"
"""The title of the section of runs that wait for a device of this machine."""
HANDED_OVER: Final = "waiting in a scheduler"
"""The title of the section of runs that Slurm or a command has and that have not begun."""
_LEFT_ALONE: Final = "its supervisor is gone; training continues without it"

_HEADS: Final = ("place", "run", "recipe", "changes", "seed", "device", "for", "epoch", "ends", "state")
_RIGHT: Final = ("place", "seed", "for", "epoch", "ends")


@dataclass(frozen=True, slots=True)
class Queued:
    """One run of the queue."""

    ticket: Ticket
    run: Summary | None = None
    """None if its folder cannot be read."""
    mark: str = " "
    """The mark of a marked run, and its role."""
    role: str = ""

    @property
    def section(self) -> str:
        """The title of its section."""
        if self.ticket.held:
            return HOLDING
        return WAITING if self.ticket.number else HANDED_OVER


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the queue with at least one run: its table has a row for each run, in the same order."""

    runs: tuple[Queued, ...]
    table: Table


def sections(found: Iterable[Queued], now: float) -> list[Section]:
    """The queue in its sections, without empty ones; `now` in unix seconds."""
    runs = list(found)
    parts = [(title, tuple(one for one in runs if one.section == title)) for title in (HOLDING, WAITING, HANDED_OVER)]
    return [Section(part, _table(title, part, now)) for title, part in parts if part]


def _table(title: str, runs: Sequence[Queued], now: float) -> Table:
    heads = ["job" if head == "device" and title == HANDED_OVER else head for head in _HEADS]
    columns = tuple(Column(head, right=head in _RIGHT, wraps=head == "state") for head in heads)
    return Table(f"{title} {len(runs)}", columns, tuple(_cells(one, now) for one in runs))


def _cells(one: Queued, now: float) -> tuple[str, ...]:
    """The cells in the order of `_HEADS`."""
    ticket, run = one.ticket, one.run
    place = "●" if ticket.held else f"#{ticket.place}" if ticket.place else NONE
    state = one_line(run.note or run.phase) if run else ""
    if one.section == HANDED_OVER:
        state = state.removeprefix(ticket.candidates[0]).lstrip(":; ")  # the job has a column of its own
    return (
        place,
        ticket.run,
        one_line(run.preset or run.model) if run else "?",
        one_line(run.changes or NONE) if run else NONE,
        str(run.seed) if run else NONE,
        _devices(ticket),
        duration(now - ticket.since),
        f"{run.epoch}/{run.epochs}" if run and run.epochs else NONE,
        _ends(run, now),
        state if ticket.supervised else _LEFT_ALONE,
    )


def _devices(ticket: Ticket) -> str:
    """The devices that a run holds; of a waiting run those that it may get, with their number if it takes several."""
    names = ", ".join(map(one_line, ticket.held or ticket.candidates))
    return names if ticket.held or ticket.count == 1 else f"{ticket.count} of {names}"


def _ends(run: Summary | None, now: float) -> str:
    """The estimated time of day at which a running run will have ended; a dash if there is nothing to estimate from."""
    if run is None or run.status != "running":
        return NONE
    left = seconds_left(run.epochs, run.epoch, run.epoch_seconds or math.nan)
    return NONE if math.isnan(left) else f"~{clock(now + left, seconds=False)}"


# --- lines of the screen ------------------------------------------------------------------------------------------

_WIDTHS: Final = {"place": 6, "run": 4, "recipe": 16, "seed": 4, "device": 11, "for": 8}
"""Cells of the columns that every terminal has; the state has the rest."""
_ROOMY, _WIDE = 100, 140
"""Widths from which there are columns for the epoch and the end, and for the changes to the preset."""
_MARKS: Final = 2  # the cursor and the mark of a run
_GAP: Final = 2


def widths_at(width: int) -> dict[str, int]:
    """The columns of a list of this width with their cells, in order."""
    found = dict(_WIDTHS)
    if width >= _ROOMY:
        found |= {"device": 15, "epoch": 8, "ends": 6}
    if width >= _WIDE:
        found |= {"recipe": 24, "changes": 22, "device": 24}
    used = _MARKS + sum(found.values()) + _GAP * len(found)
    found["state"] = max(width - used - 1, 0)
    return {head: found[head] for head in _HEADS if head in found}


def head_line(width: int) -> Line:
    """The heads of the columns."""
    cells = [_fitted(head, "id" if head == "run" else head, cells) for head, cells in widths_at(width).items()]
    return [(" " * _MARKS + (" " * _GAP).join(cells), "dim")]


def run_line(one: Queued, cells: Sequence[str], width: int, at_cursor: bool) -> Line:
    """One run: its place in line, its devices, for how long it has had or wanted them, and what it does.

    Args:
        cells: its row in the table of its section.
    """
    by_head = dict(zip(_HEADS, cells, strict=True))
    line: Line = [("▸" if at_cursor else " ", "mark"), (one.mark, one.role)]
    roles = _roles(one, at_cursor)
    for i, (head, room) in enumerate(widths_at(width).items()):
        line += [(" " * _GAP if i else "", ""), (_fitted(head, _short(head, by_head[head], room), room), roles[head])]
    return line


def _roles(one: Queued, at_cursor: bool) -> Mapping[str, str]:
    plain = "strong" if at_cursor else ""
    state = "dim" if one.ticket.supervised else "bad"
    return {
        **dict.fromkeys(_HEADS, "dim"),
        "place": "live" if one.ticket.held else "warn",
        "run": one.role or "id",
        "recipe": plain,
        "seed": plain,
        "epoch": "",
        "ends": "",
        "state": state,
    }


def _fitted(head: str, cell: str, room: int) -> str:
    return fit(cell, room, "right" if head in _RIGHT else "left")


def _short(head: str, cell: str, room: int) -> str:
    """A cell as a column of so many cells has room for it: the end of an id, the beginning of a UUID."""
    if head == "run":
        return cell[-4:]
    if head == "device" and len(cell) > room:
        names = [name[:8] + "…" if name.startswith("GPU-") else name for name in cell.split(", ")]
        return ", ".join(names).removeprefix("Slurm ")
    return cell
