"""What all marked runs together show: their verdicts as models and as recipes, and where their recipes differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.analysis.between_models import Models, compare_models
from engine.analysis.between_recipes import Recipes, compare_recipes
from engine.analysis.between_sets import OnSet, compare_on_sets
from engine.analysis.chosen import by_recipe
from engine.analysis.compare import Difference, differences, fields
from engine.analysis.marked import MarkedRun
from engine.analysis.verdict import Rules
from engine.contract.numbers import NONE
from engine.contract.recipe.schema import Recipe
from engine.contract.run.seed_plans import planned_seeds
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class Judged:
    """Marked runs with everything that may be said of them."""

    marked: tuple[MarkedRun, ...]
    baseline: str
    """Id of the run that the others are compared with."""
    models: Models | None = None
    """None until it has been worked out."""
    recipes: Recipes | None = None
    """None until it has been worked out, or if the recipe of the baseline cannot be read."""
    on_sets: tuple[OnSet, ...] = ()
    """The further test sets that any of the runs was tested on."""

    @property
    def base(self) -> MarkedRun:
        return next(one for one in self.marked if one.run.id == self.baseline)

    @property
    def readable(self) -> tuple[MarkedRun, ...]:
        """The runs whose recipes can be read."""
        return tuple(one for one in self.marked if one.recipe is not None)

    def differing(self) -> list[Difference]:
        """The fields in which the recipes of the `readable` runs differ."""
        return differences(_recipes(self.readable))

    def all_fields(self) -> list[Difference]:
        """Every field of these recipes, with the value of each of them."""
        tables = [fields(recipe) for recipe in _recipes(self.readable)]
        paths = dict.fromkeys(path for table in tables for path in table)
        return [Difference(path, tuple(table.get(path, NONE) for table in tables)) for path in paths]


def judge_models(marked: Sequence[MarkedRun], baseline: str, rules: Rules | None = None) -> Models:
    """The verdicts on the marked runs, each against the baseline."""
    return compare_models([one.row for one in marked], [one.run for one in marked], baseline, rules)


def judge_on_sets(marked: Sequence[MarkedRun], baseline: str, rules: Rules | None = None) -> tuple[OnSet, ...]:
    """The verdicts on the marked runs on each further test set."""
    return compare_on_sets([one.run for one in marked], baseline, rules)


def judge_recipes(
    marked: Sequence[MarkedRun], baseline: str, runs: Iterable[Summary], rules: Rules | None = None
) -> Recipes | None:
    """The verdicts on the recipes of the marked runs; None if that of the baseline cannot be read.

    Args:
        runs: all runs of the runs folders, of which those of these recipes count.
    """
    recipes = {one.run.recipe_id: one.recipe for one in marked if one.recipe is not None}
    base = next(one.run.recipe_id for one in marked if one.run.id == baseline)
    known = {group.recipe_id: group for group in by_recipe(run for run in runs if run.recipe_id in recipes)}
    if base not in recipes or base not in known:
        return None
    groups = [known[recipe] for recipe in recipes if recipe in known]
    return compare_recipes(groups, recipes, base, rules, plans_of(marked))


def plans_of(marked: Iterable[MarkedRun]) -> dict[str, int]:
    """By recipe id: how many seeds are planned in the runs folders of these runs."""
    return planned_seeds(dict.fromkeys(Path(one.run.folder).parent for one in marked))


def recipe_labels(marked: Sequence[MarkedRun], baseline: str) -> dict[str, str]:
    """By recipe id: how the recipe differs from the baseline's; the baseline itself by its name.

    Recipes may differ in what the short form does not say, such as the order of operations: these have a part of their
    id behind their name.
    """
    labels = {}
    for one in marked:
        name = one.run.recipe_name
        labels[one.run.recipe_id] = one.changes if one.changes != NONE else f"{name} {one.run.recipe_id[:8]}"
    base = next(one for one in marked if one.run.id == baseline)
    return labels | {base.run.recipe_id: base.run.recipe_name}


def _recipes(marked: Iterable[MarkedRun]) -> list[Recipe]:
    return [one.recipe for one in marked if one.recipe is not None]
