"""Recipes against a baseline recipe: means of the last epoch over seeds, with the luck of the seeds in the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.analysis.chosen import RecipeRuns
from engine.analysis.compare import differences
from engine.analysis.pairing import Answers, Unpaired, answers, common_images
from engine.analysis.statistics.agreement import Ensemble
from engine.analysis.statistics.bootstrap import Improvement, improvement, recipes_interval
from engine.analysis.statistics.means import MeanDifference, mean_interval, paired_by_seed, pooled_sd, welch
from engine.analysis.statistics.planning import FEWEST, seeds_needed
from engine.analysis.statistics.variance import Variance, variance_over_seeds
from engine.analysis.stats import Interval
from engine.analysis.together import ensemble_of
from engine.analysis.verdict import Outcome, Rules, family_size
from engine.contract.recipe.schema import Recipe

DRAWN: Final = (
    "epochs", "batch_size", "last_batch", "data", "model", "augmentation", "resizing", "hard_examples",
    "init_from", "compute.accumulate",
)  # fmt: skip
"""Fields on which the order of images, the initial weights and the draws of a seed depend, with those below them."""


@dataclass(frozen=True, slots=True)
class RecipeVerdict:
    """A recipe against the baseline recipe; the baseline has a verdict without a difference."""

    recipe: RecipeRuns
    mean_interval: Interval | None
    """95 % t interval of the mean; None below two seeds."""
    difference: MeanDifference | None = None
    """None for the baseline, and if either recipe has fewer than two seeds or neither has any spread."""
    reason: str = ""
    """Why there is no test; "" if there is one."""
    bootstrap: Interval | None = None
    """95 % interval of the difference with seeds and test images resampled; None without predictions of all runs."""
    improvement: Improvement | None = None
    """P(A > B) of a run of this recipe and a run of the baseline; None without two seeds of each."""
    variance: Variance | None = None
    """The variance over seeds without the noise of the test set; None with too few runs."""
    ensemble: Ensemble | None = None
    """What its seeds predict together; None with predictions of fewer than two."""
    seeds_needed: int = 0
    """Seeds of each recipe that would show the smallest difference that matters; 0 if that cannot be said."""
    at_least: bool = False
    """Whether `seeds_needed` is only the fewest that a plan has, since fewer than that do not show the spread."""
    adjusted: float = math.nan
    """p value corrected for the family."""
    outcome: Outcome = "untested"
    planned: int = 0
    """Seeds that were planned before their results were known; 0 without a plan."""

    @property
    def interim(self) -> bool:
        """Whether the plan is not carried out yet, so that the verdict is a look ahead of time."""
        return self.recipe.last.n < self.planned


@dataclass(frozen=True, slots=True)
class Recipes:
    """All recipes against the baseline: one family of comparisons."""

    baseline: RecipeVerdict
    rows: tuple[RecipeVerdict, ...]
    left_out: tuple[tuple[str, str], ...]
    """Recipes without a row, with the reason: they were tested on other data."""
    rules: Rules

    @property
    def size(self) -> int:
        """Number of comparisons with a p value, for which the p values are corrected."""
        return family_size([row.adjusted for row in self.rows])


def compare_recipes(
    groups: Sequence[RecipeRuns],
    recipes: Mapping[str, Recipe],
    baseline: str,
    rules: Rules | None = None,
    planned: Mapping[str, int] | None = None,
) -> Recipes:
    """Compare the means of recipes with that of the baseline.

    Args:
        groups: all recipes, among them the baseline.
        recipes: the recipe of each recipe id.
        baseline: recipe id of the baseline.
        planned: the number of seeds planned for a recipe, by recipe id.
    """
    rules, plans = rules or Rules(), planned or {}
    base = next(group for group in groups if group.recipe_id == baseline)
    known = {group.recipe_id: _answers(group) for group in groups}
    rows, left_out = [], []
    for group in groups:
        if group is base:
            continue
        if _test_data(recipes[group.recipe_id]) != _test_data(recipes[baseline]):
            left_out.append((group.recipe_id, "tested on other data"))
            continue
        paired = rules.paired and shares_draws(recipes[group.recipe_id], recipes[baseline])
        rows.append(_verdict(group, base, known, paired, rules))
    adjusted = rules.corrected([row.difference.p if row.difference else math.nan for row in rows])
    judged = [
        replace(
            row,
            adjusted=p,
            outcome=rules.judge(row.difference.interval if row.difference else None, p),
            planned=plans.get(row.recipe.recipe_id, 0),
        )
        for row, p in zip(rows, adjusted, strict=True)
    ]
    own = RecipeVerdict(
        base, mean_interval(base.last), variance=_variance(known[baseline]), ensemble=ensemble_of(base.runs),
        planned=plans.get(baseline, 0),
    )  # fmt: skip
    return Recipes(own, tuple(judged), tuple(left_out), rules)


def shares_draws(one: Recipe, other: Recipe) -> bool:
    """Whether runs of equal seeds start from the same weights and see the same images, equally augmented.

    Order, initial weights and draws are functions of the seed, the epoch and the step, and of the fields in `DRAWN`.
    Only then do two runs of a seed have anything in common for a paired test to remove.
    """
    return not any(
        difference.field == field or difference.field.startswith(f"{field}.")
        for difference in differences([one, other])
        for field in DRAWN
    )


def _test_data(recipe: Recipe) -> tuple[str, str]:
    return recipe.data.name, recipe.data.test_slice


def _verdict(
    group: RecipeRuns,
    base: RecipeRuns,
    known: Mapping[str, Sequence[Answers] | None],
    paired: bool,
    rules: Rules,
) -> RecipeVerdict:
    values, others = group.by_seed, base.by_seed
    found = paired_by_seed(values, others) if paired and values.keys() == others.keys() else None
    found = found or welch(list(values.values()), list(others.values()))
    fewest = min(len(values), len(others))
    enough = fewest > 1
    mine, theirs = known[group.recipe_id], known[base.recipe_id]
    return RecipeVerdict(
        recipe=group,
        mean_interval=mean_interval(group.last),
        difference=found,
        reason="" if found else "all runs have the same accuracy" if enough else _too_few(group, base),
        bootstrap=_bootstrap(mine, theirs) if enough and mine and theirs else None,
        improvement=improvement(list(values.values()), list(others.values())) if enough else None,
        variance=_variance(mine),
        ensemble=ensemble_of(group.runs),
        seeds_needed=seeds_needed(rules.smallest, pooled_sd([group.last, base.last])) if fewest >= FEWEST else FEWEST,
        at_least=fewest < FEWEST,
    )


def _too_few(group: RecipeRuns, base: RecipeRuns) -> str:
    return f"n = {group.last.n} and {base.last.n}: a test needs at least 2 seeds of each"


def _answers(group: RecipeRuns) -> list[Answers] | None:
    """The predictions of all runs of a recipe; None if any has none."""
    found = [one for run in group.runs if isinstance(one := answers(run), Answers)]
    return found if len(found) == len(group.runs) else None


def _bootstrap(mine: Sequence[Answers], theirs: Sequence[Answers]) -> Interval | None:
    places = common_images([*mine, *theirs])
    if isinstance(places, Unpaired):
        return None
    hits = np.stack([one.correct[place] for one, place in zip([*mine, *theirs], places, strict=True)])
    return recipes_interval(hits[: len(mine)], hits[len(mine) :])


def _variance(mine: Sequence[Answers] | None) -> Variance | None:
    if not mine or isinstance(places := common_images(mine), Unpaired):
        return None
    return variance_over_seeds(np.stack([one.correct[place] for one, place in zip(mine, places, strict=True)]))
