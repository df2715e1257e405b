"""Runs against each other: where their recipes differ, and how they stand at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.analysis.stats import Interval, Spread, spread, wilson

ABSENT = "-"
"""Stands for a field that a recipe does not have, since its part has no such option."""
_NOT_COMPARED = ("title", "description", "promise")


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A recipe's table as dotted fields in their order: {"optimizer.lr": "0.005", "augmentation.flip.p": "0.5"}.

    A part's own name is the field of the part: `model = "resnet34"`. Parts in a list are addressed by name, a repeated
    one by name#2, and the list itself says which there are in which order.
    """
    fields: dict[str, str] = {}
    for key, value in table.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            inner = dict(value)
            if "name" in inner:
                fields[path] = str(inner.pop("name"))
            fields |= flatten(inner, path)
        elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
            fields |= _flatten_parts(value, path)
        else:
            fields[path] = _shown(value)
    return fields


def _flatten_parts(parts: Sequence[Mapping[str, Any]], path: str) -> dict[str, str]:
    names = [str(part.get("name", "?")) for part in parts]
    fields = {path: " + ".join(names)}
    seen: dict[str, int] = {}
    for part, name in zip(parts, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        address = f"{path}.{name}" + (f"#{seen[name]}" if seen[name] > 1 else "")
        fields |= flatten({key: value for key, value in part.items() if key != "name"}, address)
    return fields


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


def differences(tables: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """The fields in which the recipes differ, in the order of the recipes; titles and promises do not count.

    An option that some recipes lack, and on which the others agree, says no more than the field that names the parts.
    """
    flat = [flatten({key: value for key, value in table.items() if key not in _NOT_COMPARED}) for table in tables]
    fields = dict.fromkeys(field for one in flat for field in one)
    rows = [Difference(field, tuple(one.get(field, ABSENT) for one in flat)) for field in fields]
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
