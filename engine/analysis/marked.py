"""Everything that a comparison shows of the runs that a user has marked, read once from their folders."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.analysis.compare import Comparison, table
from engine.analysis.energy import energy
from engine.analysis.milestones import Milestone, milestones
from engine.analysis.standing import Standing, standing
from engine.contract.errors import BadInput
from engine.contract.numbers import NONE
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Recipe
from engine.contract.run.course import Course
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.summary import Summary, summarize

UNREADABLE = "recipe unreadable"
"""Stands for the changes of a run whose recipe cannot be read."""
UNKNOWN = "recipe unknown"
"""Stands for those of an imported run."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the folder of one run says, whatever it is compared with."""

    folder: RunFolder
    run: Summary
    standing: Standing
    recipe: Recipe | None
    """None if its run.json or recipe.toml is damaged."""
    milestones: tuple[Milestone, ...]
    energy: float
    course: Course = field(compare=False)


@dataclass(frozen=True, slots=True)
class MarkedRun:
    """A marked run: one row of the comparison table."""

    run: Summary
    row: Comparison
    recipe: Recipe | None
    """None if it cannot be read."""
    changes: str
    """How its recipe differs from that of the baseline, in short form; "-" if it does not. If the baseline is imported,
    the preset of the run, and how its recipe differs from that."""
    milestones: tuple[Milestone, ...]
    energy: float
    """kWh of its GPUs; NaN if no power was sampled."""
    course: Course = field(default_factory=Course, compare=False)

    @property
    def length(self) -> float:
        """Epochs of the whole run, with the fraction of a short last one; 0 if unknown."""
        epochs, planned = self.recipe.epochs if self.recipe else 0, self.row.standing.epochs
        return float(epochs if math.ceil(epochs) == planned else planned)


def read_run(folder: RunFolder, fold: RunFold | None = None) -> Reading:
    """Read a run. Never raises: a damaged run has no recipe.

    Args:
        fold: of an earlier call for this run, so that only newer events are read.
    """
    fold = fold or RunFold(folder.events)
    run = summarize(folder, fold)
    recipe: Recipe | None = None
    info = RunInfo(id=folder.id)
    try:
        info = folder.info()
        recipe = folder.inspect()[0]
    except BadInput:  # its curve is shown all the same
        pass
    figures = standing(run.id, info, fold.course, run.excluded)
    return Reading(
        folder=folder,
        run=run,
        standing=dataclasses.replace(figures, name=run.name or figures.name, state=run.status),
        recipe=recipe,
        milestones=tuple(milestones(fold.course.epochs)),
        energy=energy(folder.events),
        course=fold.course,
    )


def mark(readings: Sequence[Reading], baseline: str, *, same_epoch: bool = False) -> list[MarkedRun]:
    """The runs against the baseline, in the order given.

    Args:
        baseline: id of the run that all others are compared with, one of them.
        same_epoch: compare finished runs, too, at the last epoch that both have tested.
    """
    base = next(one for one in readings if one.run.id == baseline)
    rows = table([one.standing for one in readings], baseline, same_epoch=same_epoch)
    return [
        MarkedRun(one.run, row, one.recipe, _changes(base, one), one.milestones, one.energy, one.course)
        for one, row in zip(readings, rows, strict=True)
    ]


def read_marked(folders: Sequence[RunFolder], baseline: str, *, same_epoch: bool = False) -> list[MarkedRun]:
    """The marked runs in the order given.

    Args:
        baseline: id of the run that all others are compared with, one of them.
        same_epoch: compare finished runs, too, at the last epoch that both have tested.

    Raises:
        BadInput: the run.json or recipe.toml of a run is damaged.
    """
    for folder in folders:
        if not folder.info().layout:
            folder.inspect()
    return mark([read_run(folder) for folder in folders], baseline, same_epoch=same_epoch)


def _own_changes(one: Reading) -> str:
    """The preset of a run and how its recipe differs from it, for a baseline whose recipe nobody knows."""
    return " ".join(text for text in (one.run.recipe_name, one.run.changes) if text not in ("", NONE))


def _changes(base: Reading, one: Reading) -> str:
    if one.recipe is None:
        return UNKNOWN if one.run.layout else UNREADABLE
    if base.recipe is None:
        return _own_changes(one) if base.run.layout else UNREADABLE
    return changes(base.recipe, one.recipe, one.folder.own_catalog())
