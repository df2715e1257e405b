"""Which runs are marked, and the slot of each: the color and mark that it keeps until it is unmarked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.contract.run.store import RunFolder
from tui.drawing.marks import lowest_free
from tui.drawing.palette import SLOTS

Slots = dict[RunFolder, int | None]
"""The marked runs in the order of their marks; None for a run that found all slots taken."""


def assign(runs: Iterable[RunFolder], before: Mapping[RunFolder, int | None]) -> Slots:
    """Slots for these runs: those marked before keep theirs, each new one gets the lowest that is free."""
    wanted = list(dict.fromkeys(runs))
    slots: Slots = {run: before.get(run) for run in wanted}
    taken = {slot for slot in slots.values() if slot is not None}
    for run in wanted:
        if slots[run] is None and (free := lowest_free(taken)) is not None:
            slots[run] = free
            taken.add(free)
    return slots


def to_table(slots: Slots) -> list[list[Any]]:
    """The slots as JSON values: [[folder, slot], ...]."""
    return [[str(run.path), slot] for run, slot in slots.items()]


def from_table(table: object, roots: Iterable[Path]) -> Slots:
    """The slots of the runs in these folders that still exist. Entries that are damaged are left out."""
    folders = set(roots)
    found: Slots = {}
    for entry in table if isinstance(table, list) else []:
        match entry:
            case [str(folder), int() | None as slot]:
                free = slot is None or (0 <= slot < SLOTS and slot not in found.values())
                path = Path(folder)
                if path.parent in folders and path.is_dir():
                    found[RunFolder(path)] = slot if free else None
    return found
