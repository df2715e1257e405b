"""Runs against each other: where their recipes differ, and how they stand at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.analysis.stats import Interval, Spread, spread, wilson
from engine.contract.changes import flat
from engine.contract.recipe import Recipe

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
class Standing:
    """What a comparison needs of one run. Accuracies 0..1; NaN at epochs without a test."""

    id: str
    name: str
    recipe_id: str
    seed: int
    epochs: int
    epoch: npt.NDArray[np.float64] = field(compare=False)
    test_accuracy: npt.NDArray[np.float64] = field(compare=False)
    seconds: float = math.nan
    """Wall time of its training so far."""
    images_per_second: float = math.nan
    test_images: int = 0
    state: str = "finished"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a run, measured against the baseline at the last epoch that both have tested."""

    standing: Standing
    last: float
    last_epoch: int
    best: float
    """The best of all test accuracies: chosen on the test set, hence only comparable with figures chosen alike."""
    best_epoch: int
    against: float
    """Difference to the baseline at `at_epoch`, 0..1; NaN for the baseline itself and without a common epoch."""
    at_epoch: int
    interval: Interval | None
    """95 % of `last` for the finite test set."""


def table(standings: Sequence[Standing], baseline: str = "") -> list[Row]:
    """A row for each run, in the order given; `baseline` is the id of the run to measure against."""
    base = next((one for one in standings if one.id == baseline), None)
    return [_row(one, base) for one in standings]


def _row(one: Standing, base: Standing | None) -> Row:
    tested = np.isfinite(one.test_accuracy)
    epochs, accuracies = one.epoch[tested], one.test_accuracy[tested]
    if not len(epochs):
        return Row(one, math.nan, 0, math.nan, 0, math.nan, 0, None)
    best = int(np.argmax(accuracies))
    last = float(accuracies[-1])
    against, at_epoch = (math.nan, 0) if base is None or base is one else difference_at(one, base)
    interval = wilson(last, one.test_images) if one.test_images and 0 <= last <= 1 else None
    return Row(one, last, int(epochs[-1]), float(accuracies[best]), int(epochs[best]), against, at_epoch, interval)


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
    """Runs of one recipe that differ in nothing but the seed."""

    recipe_id: str
    name: str
    seeds: tuple[int, ...]
    last: Spread
    """Over the finished runs; unfinished ones are not at the end of their schedule and do not count."""
    best: Spread
    unfinished: int


def groups(rows: Sequence[Row]) -> list[Group]:
    """One group for each recipe, in order of appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.standing.recipe_id, []).append(row)
    return [_group(recipe_id, members) for recipe_id, members in found.items()]


def _group(recipe_id: str, members: Sequence[Row]) -> Group:
    done = [row for row in members if row.last_epoch >= row.standing.epochs > 0]
    return Group(
        recipe_id=recipe_id,
        name=members[0].standing.name,
        seeds=tuple(sorted(row.standing.seed for row in done)),
        last=spread(row.last for row in done),
        best=spread(row.best for row in done),
        unfinished=len(members) - len(done),
    )


def spread_at(curves: Sequence[Standing], epoch: int) -> Spread:
    """Mean and spread of the runs' test accuracies at one epoch: how far apart seeds of a recipe lie there."""
    values = []
    for one in curves:
        values += one.test_accuracy[one.epoch == epoch].tolist()[-1:]
    return spread(values)
