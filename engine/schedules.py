"""Learning rate schedules: pure functions of progress. Nothing to save, nothing to restore, no torch.

A schedule maps progress in [0, 1] to a factor of the peak learning rate. `factor` puts the warm-up in front and decides
whether the rate moves every step or every epoch; `engine.optim.param_groups.set_lr` applies it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

from engine.contract.catalog import Catalog, Spec, catalog, register
from engine.contract.errors import BadInput
from engine.contract.recipe import COMMON, Choice, Recipe

SLACK: Final = 1e-9  # progress is epoch / epochs in floating point, and 29 / 50 * 50 comes out below 29


@register("schedule", title="Constant")
def constant(progress: float) -> float:
    """The peak learning rate all along."""
    return 1.0


@register("schedule", title="Linear")
def linear(progress: float, *, final: Annotated[float, Spec("factor at the end", ge=0.0, le=1.0)] = 0.0) -> float:
    """A straight line from the peak down to the final factor."""
    return 1.0 - (1.0 - final) * progress


@register("schedule", title="Cosine", year=2016, paper="1608.03983")
def cosine(progress: float, *, final: Annotated[float, Spec("factor at the end", ge=0.0, le=1.0)] = 0.0) -> float:
    """Half a cosine from the peak down to the final factor (SGDR's equation 5 without restarts)."""
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))


@register("schedule", title="Multi-step")
def multistep(
    progress: float,
    *,
    milestones: Annotated[tuple[float, ...], Spec("when to drop, as parts of the training", gt=0.0, lt=1.0)] = (
        0.3,
        0.6,
        0.8,
    ),
    gamma: Annotated[float, Spec("factor of every drop", gt=0.0, le=1.0)] = 0.2,
) -> float:
    """The peak, multiplied by gamma at each milestone; the default is Wide ResNet's 60, 120 and 160 of 200 epochs."""
    passed = sum(progress >= milestone - SLACK for milestone in milestones)
    return gamma**passed


def factor(choice: Choice, epochs: int, parts: Catalog | None = None) -> Callable[[float], float]:
    """The learning rate as a part of its peak, for progress = (epoch + step / steps) / epochs in [0, 1], epoch from 0.

    The first `warmup` epochs climb in a straight line from `warmup_start` to 1; the schedule then has the rest of the
    training for its own [0, 1]. With `by = "epoch"` the rate is that of the epoch's first step all through the epoch:
    what a torch scheduler does that is stepped after every epoch.

    Raises:
        BadInput: an unknown name, or a warm-up by epochs that starts at 0, so that a whole epoch would learn nothing.
    """
    parts = parts or catalog()
    common = {param.name: param.default for param in COMMON["schedule"]}
    common |= {name: value for name, value in choice.options.items() if name in common}
    warmup, start, by_epoch = common["warmup"], common["warmup_start"], common["by"] == "epoch"
    if by_epoch and warmup > 0 and start == 0:
        raise BadInput(
            'schedule.warmup_start = 0 with schedule.by = "epoch" gives the whole first epoch a learning rate of 0;'
            ' set warmup_start above 0 or by = "step"'
        )
    own = {name: value for name, value in choice.options.items() if name not in common}
    schedule = partial(parts.load(parts.get("schedule", choice.name)), **own)

    def at(progress: float) -> float:
        epoch = progress * epochs
        if by_epoch:
            epoch = min(math.floor(epoch + SLACK), epochs - 1)
        if epoch < warmup - SLACK:
            return float(start + (1.0 - start) * epoch / warmup)
        left = epochs - warmup
        return float(schedule(min((epoch - warmup) / left, 1.0) if left > 0 else 1.0))

    return at


def learning_rates(recipe: Recipe, points: int, parts: Catalog | None = None) -> list[float]:
    """The learning rate at `points` evenly spaced moments from the first step to the end: what a preview plots."""
    peak = recipe.optimizer.options["lr"]
    at = factor(recipe.schedule, recipe.epochs, parts)
    return [peak * at(i / max(points - 1, 1)) for i in range(points)]
