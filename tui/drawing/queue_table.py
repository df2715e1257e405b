"""The queue as tables, one for each of its sections, and the runs that have ended lately as another.

The screen prints their cells, and exports write them whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.cost import seconds_left
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from engine.launch.queue import Ticket
from tui.drawing.format import NONE, clock, duration, percent, work
from tui.drawing.status_line import REASON_WORDS
from tui.drawing.typeset import Column, Table

HOLDING: Final = "on a device"
"""The title of the section of runs that hold a device."""
WAITING: Final = "waiting"
"""The title of the section of runs that wait for a device of this machine."""
HANDED_OVER: Final = "waiting in a scheduler"
"""The title of the section of runs that Slurm or a command has and that have not begun."""
_LEFT_ALONE: Final = "its supervisor is gone; training continues without it"

HEADS: Final = ("place", "run", "recipe", "changes", "seed", "device", "for", "epoch", "ends", "state")
"""The heads of the columns; of runs that a scheduler has, "job" stands in place of "device"."""
RIGHT: Final = ("place", "seed", "for", "epoch", "ends")
"""Those that are right-aligned."""


DAY: Final = 86400.0
"""Seconds for which a run that has ended is listed below the queue."""
MOST_ENDED: Final = 20
"""How many of these runs are listed at most."""
_ENDED: Final = ("run", "recipe", "changes", "seed", "ended", "last, %", "took", "state")


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
class QueueSection:
    """A part of the queue with at least one run: its table has a row for each run, in the same order."""

    runs: tuple[Queued, ...]
    table: Table


def sections(found: Iterable[Queued], now: float) -> list[QueueSection]:
    """The queue in its sections, without empty ones; `now` in unix seconds."""
    runs = list(found)
    parts = [(title, tuple(one for one in runs if one.section == title)) for title in (HOLDING, WAITING, HANDED_OVER)]
    return [QueueSection(part, _table(title, part, now)) for title, part in parts if part]


def _table(title: str, runs: Sequence[Queued], now: float) -> Table:
    heads = ["job" if head == "device" and title == HANDED_OVER else head for head in HEADS]
    columns = tuple(Column(head, right=head in RIGHT, wraps=head == "state") for head in heads)
    return Table(f"{title} {len(runs)}", columns, tuple(_cells(one, now) for one in runs))


def _cells(one: Queued, now: float) -> tuple[str, ...]:
    """The cells in the order of `HEADS`."""
    ticket, run = one.ticket, one.run
    place = "●" if ticket.held else f"#{ticket.place}" if ticket.place else NONE
    state = one_line(run.note or run.phase) if run else ""
    if one.section == HANDED_OVER:
        state = state.removeprefix(ticket.candidates[0]).lstrip(":; ")  # the job has a column of its own
    return (
        place,
        ticket.run,
        one_line(run.recipe_name) if run else "?",
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


def ended_lately(rows: Iterable[Summary], now: float) -> list[Summary]:
    """The runs that have ended within a day, newest first; imported ones did not run here."""
    found = [row for row in rows if row.ended >= now - DAY and not row.live and not row.layout]
    return sorted(found, key=lambda row: -row.ended)[:MOST_ENDED]


def ended_table(rows: Sequence[Summary]) -> Table:
    """Runs that have ended: when, how well they did, how long they took, and how they ended."""
    columns = [
        Column(head, right=head in ("seed", "ended", "last, %", "took"), wraps=head == "state") for head in _ENDED
    ]
    cells = [
        (
            row.id,
            one_line(row.recipe_name),
            one_line(row.changes or NONE),
            str(row.seed),
            clock(row.ended, seconds=False),
            NONE if row.last_accuracy is None else percent(row.last_accuracy),
            work(row.seconds, row.estimated),
            one_line(": ".join(filter(None, (row.status, REASON_WORDS.get(row.reason, row.reason), row.message)))),
        )
        for row in rows
    ]
    return Table(f"ended within a day {len(rows)}", tuple(columns), tuple(cells))
