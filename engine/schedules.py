"""Learning rate schedules: pure functions of progress, without state and without torch.

A curve (`engine.curves`) maps progress in [0, 1] to a factor of the peak learning rate. `plan` adds the warm-up and the
offset and updates the learning rate every step or every epoch. `follow` of `engine.optim.param_groups` applies the
result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice, Recipe
from engine.curves import SLACK, Swing


def plan(choice: Choice, epochs: float, parts: Catalog | None = None) -> Callable[[float], Swing]:
    """Learning rate and momentum as a function of progress = (epoch + step / steps) / epochs in [0, 1], epochs from 0.

    With `by = "epoch"`, the learning rate of an epoch is constant and is that of its first step, as with a torch
    scheduler that is stepped after every epoch. `offset = 1` counts epochs from 1, as with a scheduler that is stepped
    before every epoch. The warm-up multiplies the curve by a straight line from `warmup_start` to 1 over the first
    `warmup` epochs of that count. `warmup_kind` determines which part of the training the curve spans:

    - prepended: everything after the warm-up, so that the curve reaches its end;
    - overlaid: the whole training, including the warm-up;
    - gradual: as many epochs as the whole training, starting one epoch after the warm-up, so that its end is cut off.
      This matches `GradualWarmupScheduler` in front of a scheduler for all epochs, including the extra epoch at the
      peak.

    Args:
        epochs: length of the training; with a fraction, the last epoch is a short one.

    Raises:
        BadInput: the name is unknown.
    """
    parts = parts or catalog()
    common = {param.name: param.default for param in COMMON["schedule"]}
    common |= {name: value for name, value in choice.options.items() if name in common}
    warmup, start, offset = common["warmup"], common["warmup_start"], common["offset"]
    kind, by_epoch = common["warmup_kind"], common["by"] == "epoch"
    own = {name: value for name, value in choice.options.items() if name not in common}
    curve = partial(parts.load(parts.get("schedule", choice.name)), **own)
    before = {"prepended": warmup, "overlaid": 0.0, "gradual": warmup + 1.0}[kind] if warmup else 0.0
    length = epochs - before if kind == "prepended" else epochs

    def at(progress: float) -> Swing:
        epoch = progress * epochs
        if by_epoch:
            epoch = min(math.floor(epoch + SLACK), math.ceil(epochs) - 1)
        epoch = min(epoch + offset, float(epochs))
        climb = start + (1.0 - start) * epoch / warmup if epoch < warmup - SLACK else 1.0
        found = curve(min(max(epoch - before, 0.0) / length, 1.0) if length > 0 else 0.0)
        factor, swing = found if isinstance(found, tuple) else (found, found)
        return Swing(float(climb * factor), float(climb * swing))

    return at


def factor(choice: Choice, epochs: float, parts: Catalog | None = None) -> Callable[[float], float]:
    """The learning rate of `plan`, as a factor of its peak."""
    at = plan(choice, epochs, parts)
    return lambda progress: at(progress).factor


def learning_rates(recipe: Recipe, points: int, parts: Catalog | None = None) -> list[float]:
    """The learning rate at `points` evenly spaced points from the first step to the end, for previews."""
    at = factor(recipe.schedule, recipe.epochs, parts)
    peak = recipe.optimizer.options["lr"]
    return [peak * at(i / max(points - 1, 1)) for i in range(points)]


def epoch_learning_rates(recipe: Recipe, parts: Catalog | None = None) -> list[float]:
    """The learning rate of the first step of every epoch."""
    at = factor(recipe.schedule, recipe.epochs, parts)
    peak = recipe.optimizer.options["lr"]
    return [peak * at(epoch / recipe.epochs) for epoch in range(math.ceil(recipe.epochs))]
