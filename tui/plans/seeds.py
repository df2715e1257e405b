"""More seeds of a recipe: a fixed number, decided before their results are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.analysis.stats import spread
from engine.contract.recipe.catalog import catalog
from engine.contract.run.seed_plans import plan_seeds
from engine.contract.run.store import RunFolder, Summary
from tui.plans.again import own_parts, repeat_of
from tui.plans.batch import Batch, BatchItem, prepare
from tui.plans.configured import placement_of
from tui.plans.cost import cost, room
from tui.plans.words import describe


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """So many seeds of the recipe of a run, and what is missing of them."""

    recipe_id: str
    seeds: tuple[int, ...]
    """All of them, those that have run and those that have not."""
    batch: Batch
    lines: tuple[str, ...]
    """What will be started, how long it takes and where, as text."""

    def store(self, root: Path) -> None:
        """Write the number down, so that verdicts say how far it is reached. Raises BadInput if that fails."""
        plan_seeds(root, self.recipe_id, len(self.seeds))


def counted_seeds(recipe_id: str, rows: Sequence[Summary]) -> list[int]:
    """The seeds of a recipe that have run or are to run, ascending; failed runs and those left out do not count."""
    return sorted({row.seed for row in rows if row.recipe_id == recipe_id and _counts(row)})


def _counts(row: Summary) -> bool:
    return not row.excluded and row.status not in ("failed", "lost")


def seeds_wanted(recipe_id: str, rows: Sequence[Summary], smallest: float) -> int:
    """Seeds of each of two recipes that show a difference, if both spread as this one does.

    Args:
        smallest: the difference of accuracies, 0..1.
    """
    from engine.analysis.statistics.planning import FEWEST, seeds_needed  # imports SciPy

    runs = {row.seed: row for row in rows if row.recipe_id == recipe_id and row.status == "finished" and _counts(row)}
    last = spread(row.last_accuracy for row in runs.values() if row.last_accuracy is not None)
    return max(seeds_needed(smallest, last.sd) if last.n >= FEWEST else FEWEST, FEWEST)


def plan_more(run: RunFolder, number: int, rows: Sequence[Summary], roots: Sequence[Path], *, trust: bool) -> SeedPlan:
    """A plan for `number` seeds of the recipe of a run: those that are there, and the next higher ones.

    Args:
        rows: all runs.
        trust: run the code of other runs, no matter who wrote it.

    Raises:
        BadInput: the run is damaged, or its recipe cannot run here.
    """
    files = own_parts(run)
    parts = catalog(tuple(map(Path, files)))
    found = repeat_of(run, parts, roots)
    recipe_id = found.recipe.recipe_id
    here = counted_seeds(recipe_id, rows)
    first = max((row.seed for row in rows if row.recipe_id == recipe_id), default=-1) + 1
    seeds = (*here, *range(first, first + max(number - len(here), 0)))
    label = f"{found.draft.preset}"
    batch = prepare([BatchItem(label, found)], seeds, roots, parts, own_parts=files, trust=trust, known=rows)
    placement = placement_of(found.draft)
    lines = (*describe(batch, cost(batch, rows, placement), room(batch, rows)), f"Device: {placement.device}.")
    return SeedPlan(recipe_id, seeds, batch, lines)
