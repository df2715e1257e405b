"""Compare runs: where their recipes differ, and their accuracies at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.analysis.seeds import left_out, one_a_seed, repeated
from engine.analysis.standing import Standing
from engine.analysis.stats import Interval, Spread, spread, wilson
from engine.contract.recipe.changes import flat
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.schema import Recipe

ABSENT = "-"
"""Shown for a field that a recipe lacks because its part has no such option."""


def fields(recipe: Recipe) -> dict[str, str]:
    """A recipe's fields as text, by the paths that `--set` takes: {"model": "resnet34", "optimizer.lr": "0.005"}.

    The field of a part holds its name; `augmentation` lists the ops in their order.
    """
    table = flat(recipe)
    ops = [path.split(".")[1] for path in table if path.startswith("augmentation.") and path.endswith(".name")]
    found = {path.removesuffix(".name"): _shown(value) for path, value in table.items() if not _is_op(path)}
    found["augmentation"] = " + ".join(ops) or "none"
    return found | {path: _shown(value) for path, value in table.items() if _is_op(path) and not path.endswith(".name")}


def _is_op(path: str) -> bool:
    return path.startswith("augmentation.")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value) or "none"
    if isinstance(value, dict):  # a rule of optimizer.groups
        return Rule(**value).inline()
    return str(value)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which recipes differ, with the value of each of them."""

    field: str
    values: tuple[str, ...]


def differences(recipes: Sequence[Recipe]) -> list[Difference]:
    """The fields in which the recipes differ, in recipe order, except titles, descriptions and promises.

    An option that some recipes lack and all others agree on is left out: the field with the part's name shows as much.
    """
    tables = [{"init_from": "random weights"} | fields(recipe) for recipe in recipes]
    paths = dict.fromkeys(path for table in tables for path in table)
    found = [Difference(path, tuple(table.get(path, ABSENT) for table in tables)) for path in paths]
    return [difference for difference in found if len(set(difference.values) - {ABSENT}) > 1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run compared with the baseline: one row of the comparison table."""

    standing: Standing
    last: float
    last_epoch: int
    best: float
    """Test accuracy of the best epoch, selected on `standing.best_on`. If that is the test set, the figure is only
    comparable with others that were selected in the same way. NaN if no best epoch is selected."""
    best_epoch: int
    """1-based; 0 if there is none."""
    against: float
    """Accuracy minus that of the baseline, -1..1; NaN for the baseline itself, for other data and without a common
    epoch."""
    at_epoch: int
    """The epoch of this run to which the difference applies; 0 without a difference."""
    interval: Interval | None
    """95 % confidence interval of `last` for the size of the test set."""
    base_epoch: int = 0
    """The epoch of the baseline, which differs if both runs have finished after different numbers of epochs."""

    @property
    def at(self) -> str:
        """The epoch of the difference as text: "@ 30", "@ end", or "" without a difference."""
        return where(self.at_epoch, self.base_epoch)


def where(epoch: int, base_epoch: int) -> str:
    """The epoch of a difference as text: "@ 30", or "@ end" if each run was taken at its own last epoch."""
    return "" if not epoch else f"@ {epoch}" if epoch == base_epoch else "@ end"


def table(standings: Sequence[Standing], baseline: str = "", *, same_epoch: bool = False) -> list[Comparison]:
    """One comparison per run, in the order given.

    Args:
        baseline: the id of the run to compare with.
        same_epoch: compare finished runs, too, at the last epoch that both have tested.
    """
    base = next((one for one in standings if one.id == baseline), None)
    return [_row(one, base, same_epoch) for one in standings]


def _row(one: Standing, base: Standing | None, same_epoch: bool) -> Comparison:
    if not one.last_epoch:
        return Comparison(one, math.nan, 0, math.nan, 0, math.nan, 0, None)
    tested = np.isfinite(one.test_accuracy)
    best = one.best_epoch or (int(one.epoch[tested][np.argmax(one.test_accuracy[tested])]) if one.best_on else 0)
    last = one.accuracy_at(one.last_epoch)
    gap = (math.nan, 0, 0) if base is None or base is one else difference(one, base, same_epoch=same_epoch)
    interval = wilson(last, one.test_images) if one.test_images and 0 <= last <= 1 else None
    return Comparison(one, last, one.last_epoch, one.accuracy_at(best), best, gap[0], gap[1], interval, gap[2])


def difference(one: Standing, base: Standing, *, same_epoch: bool = False) -> tuple[float, int, int]:
    """(accuracy of `one` minus that of `base`, epoch of `one`, epoch of `base`); (NaN, 0, 0) if not comparable.

    Two finished runs are compared at their ends, since in the middle of a longer schedule a run has not reached its
    accuracy yet. All others, and finished runs with `same_epoch`, are compared at the last epoch that both have tested.
    """
    if not comparable(one, base):
        return math.nan, 0, 0
    if one.finished and base.finished and not same_epoch:
        ends = one.last_epoch, base.last_epoch
        return one.accuracy_at(ends[0]) - base.accuracy_at(ends[1]), *ends
    gap, at = difference_at(one, base)
    return gap, at, at


def comparable(one: Standing, base: Standing) -> bool:
    """Whether both were tested on the same images, as far as known: the same data set and number of images."""
    same_data = one.data == base.data or not (one.data and base.data)
    return same_data and (one.test_images == base.test_images or not (one.test_images and base.test_images))


def difference_at(one: Standing, base: Standing) -> tuple[float, int]:
    """(accuracy of `one` minus that of `base`, epoch) at the last epoch that both have tested; (NaN, 0) without one."""
    mine = dict(zip(one.epoch.tolist(), one.test_accuracy.tolist(), strict=True))
    theirs = dict(zip(base.epoch.tolist(), base.test_accuracy.tolist(), strict=True))
    both = [at for at in mine if at in theirs and math.isfinite(mine[at]) and math.isfinite(theirs[at])]
    if not both:
        return math.nan, 0
    at = max(both)
    return mine[at] - theirs[at], int(at)


@dataclass(frozen=True, slots=True)
class SeedGroup:
    """Runs of one recipe that differ only in the seed, each seed once."""

    recipe_id: str
    name: str
    seeds: tuple[int, ...]
    last: Spread
    """Over the finished runs; unfinished ones are not at the end of their schedule and do not count."""
    best: Spread
    unfinished: int
    best_on: str = "test"
    """What the best epochs were selected on: "test" if that holds for any finished run; "" if none was
    selected."""
    repeated: str = ""
    """Which seeds occur more than once, as a sentence."""
    left_out: str = ""
    """How many runs the user has left out, and why, as a sentence; they count nowhere else in the group."""


def groups(rows: Sequence[Comparison]) -> list[SeedGroup]:
    """One group per recipe, in order of appearance."""
    found: dict[str, list[Comparison]] = {}
    for row in rows:
        found.setdefault(row.standing.recipe_id, []).append(row)
    return [_group(recipe_id, members) for recipe_id, members in found.items()]


def _group(recipe_id: str, members: Sequence[Comparison]) -> SeedGroup:
    counting = [row for row in members if not row.standing.excluded]
    done = [row for row in counting if row.standing.finished]
    counted, again = one_a_seed(done, _seed, lambda row: row.standing.id)  # ids start with the time
    picked = {row.standing.best_on for row in counted}
    return SeedGroup(
        recipe_id=recipe_id,
        name=members[0].standing.name,
        seeds=tuple(sorted(row.standing.seed for row in counted)),
        last=spread(row.last for row in counted),
        best=spread(row.best for row in counted),
        unfinished=len(counting) - len(done),
        best_on=next((name for name in ("test", "holdout") if name in picked), ""),
        repeated=repeated(again, _seed),
        left_out=left_out(row.standing.excluded for row in members),
    )


def _seed(row: Comparison) -> int:
    return row.standing.seed


def spread_at(curves: Sequence[Standing], epoch: int) -> Spread:
    """Mean and spread of the runs' test accuracies at one epoch, such as those of several seeds of a recipe."""
    values = []
    for one in curves:
        values += one.test_accuracy[one.epoch == epoch].tolist()[-1:]
    return spread(values)
