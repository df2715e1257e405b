"""Accuracy per class of a run, at its last test and against another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.history import History
from engine.contract.run.events import Epoch
from tui.dashboard.view import RunView
from tui.drawing.per_class import ClassRow, worst_confusion


def class_names(history: History) -> list[str]:
    """The names of the classes; "class 0", "class 1" ... if the run did not record them."""
    if history.started and history.started.classes:
        return history.started.classes
    return _numbered(len(history.epochs[-1].per_class)) if history.epochs else []


def evaluated_by_class(history: History) -> list[Epoch]:
    """The last two epochs with accuracies per class, newest first."""
    found = (epoch for epoch in reversed(history.epochs) if epoch.per_class)
    return [epoch for epoch, _ in zip(found, range(2), strict=False)]


def worst_mistake(history: History) -> str:
    """The worst class at the last test and its most frequent mistake; "" if it is not known."""
    tested = evaluated_by_class(history)[:1]
    return worst_confusion(tested[0].confused, class_names(history)) if tested else ""


def class_rows(view: RunView, base: RunView | None = None) -> list[ClassRow]:
    """Every class at the last test, compared with the test before it and with a baseline at the same epoch."""
    tested = evaluated_by_class(view.history)
    if not tested:
        return []
    now = tested[0].per_class
    before = tested[1].per_class if len(tested) > 1 else []
    baseline: list[float] = []
    if base is not None and base.run != view.run and view.comparable(base):
        same_epoch = (epoch.per_class for epoch in base.history.epochs if epoch.epoch == tested[0].epoch)
        baseline = next(same_epoch, [])
    known = class_names(view.history)
    names = known if len(known) == len(now) else _numbered(len(now))
    return [
        ClassRow(name, now[i], _difference(now, before, i), _difference(now, baseline, i))
        for i, name in enumerate(names)
    ]


def _difference(now: Sequence[float], other: Sequence[float], i: int) -> float:
    return now[i] - other[i] if len(other) == len(now) else math.nan


def _numbered(count: int) -> list[str]:
    return [f"class {i}" for i in range(count)]
