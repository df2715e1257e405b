"""Everything that a comparison shows of the runs that a user has marked, read once from their folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from engine.analysis.compare import Comparison, table
from engine.analysis.energy import energy
from engine.analysis.history import History
from engine.analysis.milestones import Milestone, milestones
from engine.analysis.standing import Standing, standing
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Recipe
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
    base = next(folder for folder in folders if folder.id == baseline).inspect()[0]
    runs = [summarize(folder) for folder in folders]
    histories = [_history(folder) for folder in folders]
    standings = [_standing(folder, run, history) for folder, run, history in zip(folders, runs, histories, strict=True)]
    rows = table(standings, baseline, same_epoch=same_epoch)
    found = []
    for folder, run, history, row in zip(folders, runs, histories, rows, strict=True):
        recipe = folder.inspect()[0]
        found.append(
            Marked(
                run=run,
                row=row,
                recipe=recipe,
                changes=changes(base, recipe, folder.own_catalog()),
                milestones=tuple(milestones(history.epochs)),
                energy=energy(history),
            )
        )
    return found


def _history(folder: RunFolder) -> History:
    history = History(folder.events)
    history.poll()
    return history


def _standing(folder: RunFolder, run: Summary, history: History) -> Standing:
    figures = standing(run.id, folder.info(), history.course)
    return dataclasses.replace(figures, name=run.name or figures.name, state=run.status)
