"""Which runs are marked, and the slot of each: the color and mark that it keeps until it is unmarked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


class RunMarks:
    """The marked runs and their slots."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    @property
    def marked(self) -> list[RunFolder]:
        """The marked runs, in the order of their marks."""
        return list(self._slots)

    @marked.setter
    def marked(self, runs: Sequence[RunFolder]) -> None:
        self._slots = assign(runs, self._slots)

    def slot(self, run: RunFolder | None) -> int | None:
        """The slot of a marked run, which decides its color and mark on every screen; None if it has none."""
        return self._slots.get(run) if run is not None else None

    def slots_of(self, runs: Sequence[RunFolder]) -> list[int | None]:
        """The slots of runs shown together: of the marked ones theirs, of the others the lowest that are free."""
        found = assign([*self._slots, *runs], self._slots)
        return [found[run] for run in runs]

    @property
    def slots(self) -> dict[str, int | None]:
        """The slot of each marked run, by the id of the run."""
        return {run.id: slot for run, slot in self._slots.items()}
