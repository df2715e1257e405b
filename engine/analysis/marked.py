"""Everything that a comparison shows of the runs that a user has marked, read once from their folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from engine.analysis.compare import Comparison, table
from engine.analysis.energy import energy
from engine.analysis.milestones import Milestone, milestones
from engine.analysis.standing import Standing, standing
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Recipe
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.summary import Summary, summarize


@dataclass(frozen=True, slots=True)
class Marked:
    """A marked run: one row of the comparison table."""

    run: Summary
    row: Comparison
    recipe: Recipe
    changes: str
    """How its recipe differs from that of the baseline, in short form; "-" if it does not."""
    milestones: tuple[Milestone, ...]
    energy: float
    """kWh of its GPUs; NaN if no power was sampled."""


def read_marked(folders: Sequence[RunFolder], baseline: str, *, same_epoch: bool = False) -> list[Marked]:
    """The marked runs in the order given.

    Args:
        baseline: id of the run that all others are compared with, one of them.
        same_epoch: compare finished runs, too, at the last epoch that both have tested.

    Raises:
        BadInput: the run.json or recipe.toml of a run is damaged.
    """
    recipes = [folder.inspect()[0] for folder in folders]
    base = recipes[[folder.id for folder in folders].index(baseline)]
    folds = [RunFold(folder.events) for folder in folders]
    runs = [summarize(folder, fold) for folder, fold in zip(folders, folds, strict=True)]
    standings = [_standing(*one) for one in zip(folders, runs, folds, strict=True)]
    rows = table(standings, baseline, same_epoch=same_epoch)
    return [
        Marked(
            run=run,
            row=row,
            recipe=recipe,
            changes=changes(base, recipe, folder.own_catalog()),
            milestones=tuple(milestones(fold.course.epochs)),
            energy=energy(folder.events),
        )
        for folder, run, fold, row, recipe in zip(folders, runs, folds, rows, recipes, strict=True)
    ]


def _standing(folder: RunFolder, run: Summary, fold: RunFold) -> Standing:
    figures = standing(run.id, folder.info(), fold.course, run.excluded)
    return dataclasses.replace(figures, name=run.name or figures.name, state=run.status)
