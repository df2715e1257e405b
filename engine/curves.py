"""The curves that a schedule can follow: pure functions of progress in [0, 1] to a part of the peak learning rate.

Lengths are parts of the training and rates are parts of the peak, so a curve fits a training of any length.
"""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, NamedTuple

from engine.contract.catalog import Spec, register

SLACK: Final = 1e-9  # progress is epoch / epochs in floating point, and 29 / 50 * 50 comes out below 29


class Swing(NamedTuple):
    """What a curve returns whose momentum does not simply follow the learning rate."""

    factor: float
    """Of the peak learning rate."""
    swing: float
    """Where the momentum is between the optimizer's own (0) and the schedule's `momentum_low` (1)."""


@register("schedule", title="Constant")
def constant(progress: float) -> float:
    """The peak learning rate all along."""
    return 1.0


@register("schedule", title="Linear")
def linear(progress: float, *, final: Annotated[float, Spec("factor at the end", ge=0.0, le=1.0)] = 0.0) -> float:
    """A straight line from the peak down to the final factor."""
    return 1.0 - (1.0 - final) * progress


@register("schedule", title="Polynomial")
def polynomial(
    progress: float,
    *,
    power: Annotated[float, Spec("how strongly it bends: 1 is a straight line", gt=0.0)] = 2.0,
    final: Annotated[float, Spec("factor at the end", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """A power of the part of the training that is left: fast at first, gently at the end for powers above 1."""
    return final + (1.0 - final) * (1.0 - progress) ** power


@register("schedule", title="Exponential")
def exponential(progress: float, *, final: Annotated[float, Spec("factor at the end", gt=0.0, le=1.0)] = 0.01) -> float:
    """The same relative drop every epoch; torch's gamma of one epoch is final ** (1 / epochs)."""
    return final**progress


@register("schedule", title="Cosine", year=2016, paper="1608.03983")
def cosine(progress: float, *, final: Annotated[float, Spec("factor at the end", ge=0.0, le=1.0)] = 0.0) -> float:
    """Half a cosine from the peak down to the final factor (SGDR's equation 5 without restarts)."""
    return final + (1.0 - final) * _half_cosine(progress)


@register("schedule", title="Hyperbolic tangent", year=2018, paper="1806.01593")
def tanh_decay(
    progress: float,
    *,
    lower: Annotated[float, Spec("where on the tangent's axis the training begins", ge=-20.0, le=0.0)] = -6.0,
    upper: Annotated[float, Spec("where on the tangent's axis it ends", ge=0.0, le=20.0)] = 3.0,
    final: Annotated[float, Spec("factor that the curve tends to", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """A long stay near the peak, then a smooth drop: half of 1 - tanh(x), x from the paper's -6 to its 3.

    It begins at (1 - tanh(lower)) / 2 and ends at (1 - tanh(upper)) / 2 of the way: 0.99999 and 0.0025 by default.
    """
    return final + (1.0 - final) * 0.5 * (1.0 - math.tanh(lower + (upper - lower) * progress))


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


@register("schedule", title="Step")
def step(
    progress: float,
    *,
    every: Annotated[float, Spec("how long each step is, as a part of the training", gt=0.0, le=1.0)] = 0.25,
    gamma: Annotated[float, Spec("factor of every drop", gt=0.0, le=1.0)] = 0.1,
) -> float:
    """The peak, multiplied by gamma again and again after equal times."""
    return gamma ** _passed(progress, every)


@register("schedule", title="Cosine with warm restarts", year=2016, paper="1608.03983")
def warm_restarts(
    progress: float,
    *,
    first: Annotated[float, Spec("length of the first cycle, as a part of the training", ge=0.001, le=1.0)] = 0.25,
    growth: Annotated[float, Spec("how many times as long each cycle is as the one before", ge=1.0, le=100.0)] = 1.0,
    final: Annotated[float, Spec("factor at the end of a cycle", ge=0.0, le=1.0)] = 0.0,
) -> float:
    """Half a cosine down, again and again (SGDR): by default four cycles, the paper's 50 of 200 epochs.

    A cycle that does not fit is cut off, and the training then ends at a high rate: the cycles fill it where
    first * (1 + growth + growth ** 2 + ...) comes to 1. Nothing restarts at the very end.
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
    peak: Annotated[float, Spec("when the peak is reached, as a part of the training", gt=0.0, lt=1.0)] = 0.3,
    start: Annotated[float, Spec("factor at the beginning: 1 / div_factor in torch", ge=0.0, le=1.0)] = 0.04,
    final: Annotated[float, Spec("factor at the end: start / final_div_factor in torch", ge=0.0, le=1.0)] = 4e-6,
    curve: Annotated[Literal["cosine", "linear"], Spec("the way between them")] = "cosine",
    three_phase: Annotated[bool, Spec("go down as fast as up, and only then from start to final")] = False,
) -> Swing:
    """Up to the peak and down to almost nothing, in one cycle over the whole training (Smith's super-convergence).

    torch's OneCycleLR with steps + 1 steps and its peak on the same step: here the end of the curve is the end of the
    last step, there it is that step's beginning. Of `three_phase` a peak in the second half leaves only two phases.
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
    up: Annotated[float, Spec("length of every rise, as a part of the training", gt=0.0, le=1.0)] = 0.1,
    down: Annotated[float, Spec("length of every fall, as a part of the training", gt=0.0, le=1.0)] = 0.1,
    low: Annotated[float, Spec("factor at the bottom: base_lr / max_lr in torch", ge=0.0, le=1.0)] = 0.1,
    shape: Annotated[
        Literal["triangular", "triangular2", "exp_range"],
        Spec("equal cycles, each half as high as the one before, or shrinking all along"),
    ] = "triangular",
    shrink: Annotated[float, Spec("what exp_range leaves of the height at the end", gt=0.0, le=1.0)] = 0.1,
) -> Swing:
    """Straight up and down between the bottom and the peak (Smith's cyclical learning rates, torch's CyclicLR).

    torch's gamma of exp_range, a factor for each step, is shrink ** (1 / steps of the training).
    """
    length = up + down
    cycle = _passed(progress, length)
    at = progress - cycle * length
    height = max(at / up if at <= up else (length - at) / down, 0.0)
    height *= {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": shrink**progress}[shape]
    return Swing(low + (1.0 - low) * height, height)


def _passed(progress: float, length: float) -> int:
    """How many stretches of this length are over."""
    return math.floor(progress / length + SLACK)


def _half_cosine(part: float) -> float:
    """1 at 0, 0 at 1, flat at both ends."""
    return 0.5 * (1.0 + math.cos(math.pi * part))


def _line(part: float) -> float:
    """1 at 0, 0 at 1."""
    return 1.0 - part
