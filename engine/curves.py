"""The curves that a schedule can follow: pure functions from progress in [0, 1] to a factor of the peak learning rate.

Durations are fractions of the training and learning rates are factors of the peak, so a curve fits any training.
"""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, NamedTuple

from engine.contract.catalog import Spec, register

SLACK: Final = 1e-9  # progress is epoch / epochs in floating point, where 29 / 50 * 50 is less than 29


class Swing(NamedTuple):
    """The value of a curve whose momentum does not simply follow its learning rate."""

    factor: float
    """Factor of the peak learning rate."""
    swing: float
    """Position of the momentum between the optimizer's own value (0) and the schedule's `momentum_low` (1)."""


@register("schedule", title="Constant")
def constant(progress: float) -> float:
    """The peak learning rate throughout the training."""
    return 1.0


@register("schedule", title="Linear")
def linear(progress: float, *, final: Annotated[float, Spec("final factor", ge=0.0, le=1.0)] = 0.0) -> float:
    """A straight line from the peak down to the final factor."""
    return 1.0 - (1.0 - final) * progress


@register("schedule", title="Polynomial")
def polynomial(
    progress: float,
    *,
    power: Annotated[float, Spec("exponent of the curve; 1 is a straight line", gt=0.0)] = 2.0,
    final: Annotated[float, Spec("final factor", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """A power of the remaining fraction of the training; above 1, it falls fast at first and slowly at the end."""
    factor: float = final + (1.0 - final) * (1.0 - progress) ** power
    return factor


@register("schedule", title="Exponential")
def exponential(progress: float, *, final: Annotated[float, Spec("final factor", gt=0.0, le=1.0)] = 0.01) -> float:
    """The same relative decrease every epoch; torch's gamma per epoch is final ** (1 / epochs)."""
    factor: float = final**progress
    return factor


@register("schedule", title="Cosine", year=2016, paper="1608.03983")
def cosine(progress: float, *, final: Annotated[float, Spec("final factor", ge=0.0, le=1.0)] = 0.0) -> float:
    """Half a cosine from the peak down to the final factor (SGDR's equation 5 without restarts)."""
    return final + (1.0 - final) * _half_cosine(progress)


@register("schedule", title="Hyperbolic tangent", year=2018, paper="1806.01593")
def tanh_decay(
    progress: float,
    *,
    lower: Annotated[float, Spec("argument of the tangent at the start of the training", ge=-20.0, le=0.0)] = -6.0,
    upper: Annotated[float, Spec("argument of the tangent at the end of the training", ge=0.0, le=20.0)] = 3.0,
    final: Annotated[float, Spec("factor that the curve approaches", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """A long plateau near the peak, then a smooth drop: (1 - tanh(x)) / 2, with x from -6 to 3 as in the paper.

    With `final` = 0 it starts at (1 - tanh(lower)) / 2 and ends at (1 - tanh(upper)) / 2, which is 0.99999 and 0.0025
    by default.
    """
    return final + (1.0 - final) * 0.5 * (1.0 - math.tanh(lower + (upper - lower) * progress))


@register("schedule", title="Multi-step")
def multistep(
    progress: float,
    *,
    milestones: Annotated[
        tuple[float, ...], Spec("times of the drops, as fractions of the training", gt=0.0, lt=1.0)
    ] = (
        0.3,
        0.6,
        0.8,
    ),
    gamma: Annotated[float, Spec("factor at every drop", gt=0.0, le=1.0)] = 0.2,
) -> float:
    """The peak, multiplied by gamma at each milestone; the default is Wide ResNet's, 60, 120 and 160 of 200 epochs."""
    passed = sum(progress >= milestone - SLACK for milestone in milestones)
    return gamma**passed


@register("schedule", title="Step")
def step(
    progress: float,
    *,
    every: Annotated[float, Spec("length of each step, as a fraction of the training", gt=0.0, le=1.0)] = 0.25,
    gamma: Annotated[float, Spec("factor at every drop", gt=0.0, le=1.0)] = 0.1,
) -> float:
    """The peak, multiplied by gamma at regular intervals."""
    return gamma ** _passed(progress, every)


@register("schedule", title="Cosine with warm restarts", year=2016, paper="1608.03983")
def warm_restarts(
    progress: float,
    *,
    first: Annotated[float, Spec("length of the first cycle, as a fraction of the training", ge=0.001, le=1.0)] = 0.25,
    growth: Annotated[float, Spec("length of each cycle relative to the previous one", ge=1.0, le=100.0)] = 1.0,
    final: Annotated[float, Spec("factor at the end of each cycle", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """Repeated half cosines (SGDR): by default four cycles, as in the paper with 50 of 200 epochs each.

    A cycle that does not fit is cut off, so training ends at a high learning rate. Cycles fill the training exactly if
    first * (1 + growth + growth ** 2 + ...) is 1. There is no restart at the very end.
    """
    start, length = 0.0, first
    while progress >= start + length - SLACK and start + length < 1.0 - SLACK:
        start += length
        length *= growth
    return final + (1.0 - final) * _half_cosine((progress - start) / length)


@register("schedule", title="One cycle", year=2017, paper="1708.07120")
def one_cycle(
    progress: float,
    *,
    peak: Annotated[float, Spec("time of the peak, as a fraction of the training", gt=0.0, lt=1.0)] = 0.3,
    start: Annotated[float, Spec("factor at the start; 1 / div_factor in torch", ge=0.0, le=1.0)] = 0.04,
    final: Annotated[float, Spec("final factor; start / final_div_factor in torch", ge=0.0, le=1.0)] = 4e-6,
    curve: Annotated[Literal["cosine", "linear"], Spec("shape of the rise and the fall")] = "cosine",
    three_phase: Annotated[bool, Spec("fall as fast as the rise, then go from start to final")] = False,
) -> Swing:
    """One rise to the peak and one fall to almost zero over the whole training (Smith's super-convergence).

    This equals torch's OneCycleLR with steps + 1 steps and its peak on the same step: here the curve ends at the end of
    the last step, in torch at its start. With `three_phase`, a peak in the second half leaves only two phases.
    """
    rise = _half_cosine if curve == "cosine" else _line
    back = min(2.0 * peak, 1.0) if three_phase else 1.0
    if progress < peak:
        height = 1.0 - rise(progress / peak)
        return Swing(start + (1.0 - start) * height, height)
    if progress <= back:
        height = rise((progress - peak) / (back - peak))
        low = start if three_phase else final
        return Swing(low + (1.0 - low) * height, height)
    return Swing(final + (start - final) * rise((progress - back) / (1.0 - back)), 0.0)


@register("schedule", title="Cyclic", year=2015, paper="1506.01186")
def cyclic(
    progress: float,
    *,
    up: Annotated[float, Spec("length of each rise, as a fraction of the training", gt=0.0, le=1.0)] = 0.1,
    down: Annotated[float, Spec("length of each fall, as a fraction of the training", gt=0.0, le=1.0)] = 0.1,
    low: Annotated[float, Spec("factor at the minimum; base_lr / max_lr in torch", ge=0.0, le=1.0)] = 0.1,
    shape: Annotated[
        Literal["triangular", "triangular2", "exp_range"],
        Spec("equal cycles, cycles that halve in height, or a height that decays exponentially"),
    ] = "triangular",
    shrink: Annotated[float, Spec("remaining height at the end with exp_range", gt=0.0, le=1.0)] = 0.1,
) -> Swing:
    """Linear rises and falls between the minimum and the peak (Smith's cyclical learning rates, torch's CyclicLR).

    For exp_range, torch's gamma, a factor per step, is shrink ** (1 / steps of the training).
    """
    length = up + down
    cycle = _passed(progress, length)
    at = progress - cycle * length
    height = max(at / up if at <= up else (length - at) / down, 0.0)
    height *= {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": shrink**progress}[shape]
    return Swing(low + (1.0 - low) * height, height)


def _passed(progress: float, length: float) -> int:
    """How many intervals of this length have passed."""
    return math.floor(progress / length + SLACK)


def _half_cosine(part: float) -> float:
    """A half cosine from 1 at 0 to 0 at 1."""
    return 0.5 * (1.0 + math.cos(math.pi * part))


def _line(part: float) -> float:
    """A straight line from 1 at 0 to 0 at 1."""
    return 1.0 - part
