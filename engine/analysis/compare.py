"""Runs against each other: where their recipes differ, and how they stand at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.analysis.seeds import one_a_seed, repeated
from engine.analysis.standing import Standing
from engine.analysis.stats import Interval, Spread, spread, wilson
from engine.contract.recipe.changes import flat
from engine.contract.recipe.schema import Recipe

ABSENT = "-"
"""Stands for a field that a recipe does not have, since its part has no such option."""


def fields(recipe: Recipe) -> dict[str, str]:
    """A recipe's fields as text, under the paths that `--set` takes: {"model": "resnet34", "optimizer.lr": "0.005"}.

    A part's own name is the field of the part; `augmentation` says which ops there are, in their order.
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
    return str(value)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which recipes differ, with the value of each of them."""

    field: str
    values: tuple[str, ...]


def differences(recipes: Sequence[Recipe]) -> list[Difference]:
    """The fields in which the recipes differ, in the order of the recipes; titles and promises do not count.

    An option that some recipes lack, and on which the others agree, says no more than the field that names the parts.
    """
    told = [fields(recipe) for recipe in recipes]
    paths = dict.fromkeys(path for one in told for path in one)
    rows = [Difference(path, tuple(one.get(path, ABSENT) for one in told)) for path in paths]
    return [row for row in rows if len(set(row.values) - {ABSENT}) > 1]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a run, measured against the baseline."""

    standing: Standing
    last: float
    last_epoch: int
    best: float
    """Test accuracy of the best epoch, which was picked on `standing.best_on`. Where that is the test set, it is only
    comparable with figures picked alike."""
    best_epoch: int
    against: float
    """Difference to the baseline, 0..1; NaN for the baseline itself, on other data and without a common epoch."""
    at_epoch: int
    """The epoch of this run at which the difference was taken; 0 without one."""
    interval: Interval | None
    """95 % of `last` for the finite test set."""
    base_epoch: int = 0
    """The epoch of the baseline: another one where both have finished, after different numbers of epochs."""

    @property
    def at(self) -> str:
        """Where the difference was taken, in words: "@ 30", "@ end", "" without one."""
        return where(self.at_epoch, self.base_epoch)


def where(epoch: int, base_epoch: int) -> str:
    """At which epoch a difference was taken: "@ 30"; "@ end" where each run was taken at its own last one."""
    return "" if not epoch else f"@ {epoch}" if epoch == base_epoch else "@ end"


def table(standings: Sequence[Standing], baseline: str = "", *, same_epoch: bool = False) -> list[Row]:
    """A row for each run, in the order given.

    Args:
        baseline: the id of the run to measure against.
        same_epoch: measure finished runs too at the last epoch that both have tested.
    """
    base = next((one for one in standings if one.id == baseline), None)
    return [_row(one, base, same_epoch) for one in standings]


def _row(one: Standing, base: Standing | None, same_epoch: bool) -> Row:
    if not one.last_epoch:
        return Row(one, math.nan, 0, math.nan, 0, math.nan, 0, None)
    tested = np.isfinite(one.test_accuracy)
    best = one.best_epoch or int(one.epoch[tested][np.argmax(one.test_accuracy[tested])])
    last = one.accuracy_at(one.last_epoch)
    gap = (math.nan, 0, 0) if base is None or base is one else difference(one, base, same_epoch=same_epoch)
    interval = wilson(last, one.test_images) if one.test_images and 0 <= last <= 1 else None
    return Row(one, last, one.last_epoch, one.accuracy_at(best), best, gap[0], gap[1], interval, gap[2])


def difference(one: Standing, base: Standing, *, same_epoch: bool = False) -> tuple[float, int, int]:
    """(accuracy of `one` minus that of `base`, epoch of `one`, epoch of `base`); (NaN, 0, 0) without a match.

    Two runs that have finished are measured at their ends, since in the middle of a longer schedule a run is not yet
    what it is going to be. All others, and these with `same_epoch`, are measured at the last epoch that both have
    tested.
    """
    if not comparable(one, base):
        return math.nan, 0, 0
    if one.finished and base.finished and not same_epoch:
        ends = one.last_epoch, base.last_epoch
        return one.accuracy_at(ends[0]) - base.accuracy_at(ends[1]), *ends
    gap, at = difference_at(one, base)
    return gap, at, at


def comparable(one: Standing, base: Standing) -> bool:
    """Whether both were tested on the same images, as far as they say: of the same data set, and as many."""
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
class Group:
    """Runs of one recipe that differ in nothing but the seed, each seed once."""

    recipe_id: str
    name: str
    seeds: tuple[int, ...]
    last: Spread
    """Over the finished runs; unfinished ones are not at the end of their schedule and do not count."""
    best: Spread
    unfinished: int
    best_on: str = "test"
    repeated: str = ""
    """Which seeds are there more than once, in words."""


def groups(rows: Sequence[Row]) -> list[Group]:
    """One group for each recipe, in order of appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.standing.recipe_id, []).append(row)
    return [_group(recipe_id, members) for recipe_id, members in found.items()]


def _group(recipe_id: str, members: Sequence[Row]) -> Group:
    done = [row for row in members if row.standing.finished]
    counted, again = one_a_seed(done, _seed, lambda row: row.standing.id)  # ids begin with the time
    return Group(
        recipe_id=recipe_id,
        name=members[0].standing.name,
        seeds=tuple(sorted(row.standing.seed for row in counted)),
        last=spread(row.last for row in counted),
        best=spread(row.best for row in counted),
        unfinished=len(members) - len(done),
        best_on="test" if any(row.standing.best_on == "test" for row in counted) else "holdout",
        repeated=repeated(again, _seed),
    )


def _seed(row: Row) -> int:
    return row.standing.seed


def spread_at(curves: Sequence[Standing], epoch: int) -> Spread:
    """Mean and spread of the runs' test accuracies at one epoch: how far apart seeds of a recipe lie there."""
    values = []
    for one in curves:
        values += one.test_accuracy[one.epoch == epoch].tolist()[-1:]
    return spread(values)
