"""Which runs count in a mean over seeds: the one place where rows are chosen for verdicts and tables by recipe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.analysis.seeds import left_out, one_a_seed, repeated
from engine.analysis.stats import Spread, spread
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class RecipeRuns:
    """The runs of one recipe."""

    recipe_id: str
    name: str
    """Preset or model that the recipe started from."""
    changes: str
    """How it differs from that, in short form; "" or "-" if it does not."""
    runs: tuple[Summary, ...]
    """Finished runs with a test accuracy, one per seed, by seed."""
    unfinished: int
    """Number of runs that have not finished, which do not count."""
    repeated: str
    """Which seeds occur more than once, as a sentence; "" if none does."""
    left_out: str = ""
    """How many runs the user has left out, and why, as a sentence; they count nowhere else here."""

    @property
    def last(self) -> Spread:
        """Test accuracy of the last epoch over seeds."""
        return spread(run.last_accuracy for run in self.runs if run.last_accuracy is not None)

    @property
    def best(self) -> Spread:
        """Test accuracy of the best epoch over seeds, which enters no verdict."""
        return spread(run.best_accuracy for run in self.runs if run.best_accuracy is not None)

    @property
    def best_on(self) -> str:
        """What the best epochs were picked on: "test" if that holds for any run; "" if none was picked."""
        picked = {run.best_on for run in self.runs if run.best_accuracy is not None}
        return next((name for name in ("test", "holdout") if name in picked), "")

    @property
    def by_seed(self) -> dict[int, float]:
        """Last accuracy by seed."""
        return {run.seed: run.last_accuracy for run in self.runs if run.last_accuracy is not None}


def counts(run: Summary) -> bool:
    """Whether a run enters means: it has finished and was tested, and the user has not left it out."""
    return run.status == "finished" and run.last_accuracy is not None and not run.excluded


def by_recipe(runs: Iterable[Summary]) -> list[RecipeRuns]:
    """The runs grouped by recipe, in order of appearance. Runs without a readable recipe id are left out."""
    groups: dict[str, list[Summary]] = {}
    for run in runs:
        if run.recipe_id:
            groups.setdefault(run.recipe_id, []).append(run)
    return [_group(recipe_id, members) for recipe_id, members in groups.items()]


def _group(recipe_id: str, members: list[Summary]) -> RecipeRuns:
    ended = sorted((run for run in members if counts(run)), key=lambda run: run.created)
    chosen, again = one_a_seed(ended, _seed, lambda run: run.created)
    first = members[0]
    return RecipeRuns(
        recipe_id=recipe_id,
        name=first.recipe_name or recipe_id[:8],
        changes=first.changes,
        runs=tuple(sorted(chosen, key=_seed)),
        unfinished=sum(run.status != "finished" and not run.excluded for run in members),
        repeated=repeated(again, _seed),
        left_out=left_out(run.excluded for run in members if run.excluded),
    )


def _seed(run: Summary) -> int:
    return run.seed
