"""Put the series of another program onto epochs: which step belongs to which epoch, and the figures of each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.contract.run.events import Epoch, Step
from engine.contract.values import LARGEST, MOST_EPOCHS
from engine.exchange.imports.points import Array, Points
from engine.exchange.imports.series import STEP_LOSS

EVALUATED: Final = ("test_", "holdout_", "class.")
"""Starts of series that have one point an evaluation."""
BY_STEP: Final = {STEP_LOSS: "loss", "train_loss": "loss", "lr": "lr", "images_per_second": "images_per_second"}
"""Series that may have many points an epoch, and the field of `Step` for each."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EpochAxis:
    """How the positions of points become epochs, from 1."""

    words: str
    """For the user."""
    ends: Array
    """The last position of each epoch, ascending; empty if positions are epochs."""
    first: int = 0
    """Number of the first epoch in the files, if positions are epochs."""
    epochs: bool = True
    """Whether there are epochs at all."""
    begin: float = 0.0
    """The position before that of the first step."""

    def epoch_of(self, positions: Array) -> Numbers:
        """The epoch of each position (n,), from 1."""
        if not self.epochs:
            return np.ones(len(positions), np.int64)
        if not len(self.ends):
            counted: Numbers = np.floor(positions).astype(np.int64) + 1 - self.first
            return counted
        numbers: Numbers = np.searchsorted(self.ends, positions, side="left").astype(np.int64) + 1
        return numbers

    def step_of(self, positions: Array, epochs: Numbers) -> Numbers:
        """The step within its epoch of each position (n,), from 1."""
        if not len(self.ends):
            return np.ones(len(positions), np.int64) if self.epochs else np.maximum(positions, 1).astype(np.int64)
        starts = np.concatenate([[self.begin], self.ends])
        steps: Numbers = np.maximum(positions - starts[epochs - 1], 1).astype(np.int64)
        return steps

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch; 0 if unknown."""
        if len(self.ends) < 2:
            return int(self.ends[0] - self.begin) if len(self.ends) else 0
        return int(np.median(np.diff(self.ends)))


@dataclass(frozen=True, slots=True)
class ImportedCourse:
    """The series as events of ours."""

    epochs: list[Epoch] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    steps_per_epoch: int = 0
    classes: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def axis_of(series: Mapping[str, Points], epoch: Points | None, by_epoch: bool) -> EpochAxis:
    """How the positions of a run's points become epochs.

    Args:
        series: the points of every series of ours.
        epoch: the scalar that says which epoch a step belongs to, if there is one.
        by_epoch: whether positions are epochs already.
    """
    every = np.concatenate([points.steps for points in series.values()] or [np.zeros(0)])
    begin = -1.0 if len(every) and every.min() < 1 else 0.0
    if by_epoch:
        return _counted(every, "the epoch column counts epochs")
    if epoch is not None and len(epoch):
        order = np.argsort(epoch.steps, kind="stable")
        steps, numbers = epoch.steps[order], np.maximum.accumulate(np.floor(epoch.values[order]))
        last = np.flatnonzero(np.diff(numbers, append=np.inf) > 0)
        low = int(numbers[0])
        return EpochAxis(f"epochs by the epoch tag, which counts from {low}", steps[last], begin=begin)
    evaluated = [points.steps for name, points in series.items() if name.startswith(EVALUATED) and len(points)]
    if evaluated:
        ends = np.unique(np.concatenate(evaluated))
        if len(ends) == 1 and ends[0] > 1:
            return EpochAxis("one evaluation, taken as the end of epoch 1", ends, begin=begin)
        if (np.diff(ends) == 1).all():
            return _counted(ends, "steps are epochs")
        return EpochAxis(f"one epoch per evaluation, every {np.median(np.diff(ends)):.0f} steps", ends, begin=begin)
    per_epoch = [points.steps for name, points in series.items() if name == "train_accuracy" and len(points) > 1]
    if per_epoch and (np.diff(per_epoch[0]) == 1).all():
        return _counted(per_epoch[0], "steps are epochs")
    return EpochAxis("no evaluation and no epoch tag: points stay at their steps", np.zeros(0), epochs=False)


def _counted(positions: Array, words: str) -> EpochAxis:
    first = 0 if len(positions) and positions.min() < 1 else 1
    return EpochAxis(f"{words}, from {first}", np.zeros(0), first)


def course_of(series: Mapping[str, Points], axis: EpochAxis) -> ImportedCourse:
    """The events of a run from its series, whose units are ours already."""
    fields: dict[int, dict[str, Any]] = {}
    times: dict[int, float] = {}
    notes: list[str] = []
    if axis.epochs:
        for name, points in series.items():
            if name == STEP_LOSS and "train_loss" in series:
                continue
            column = "train_loss" if name == STEP_LOSS else name
            averaged = _fill(fields, times, column, points, axis)
            if averaged:
                notes.append(f"{column}: the mean of {averaged:.4g} points an epoch")
    classes = [name.removeprefix("class.") for name in series if name.startswith("class.")]
    epochs = [_epoch(number, fields[number], classes, times[number]) for number in sorted(fields)]
    return ImportedCourse(epochs, _steps(series, axis), _per_epoch(series, axis), classes, tuple(notes))


def _fill(
    fields: dict[int, dict[str, Any]], times: dict[int, float], name: str, points: Points, axis: EpochAxis
) -> float:
    """Put a series into the epochs: the last value in each, or the mean of a loss or an accuracy of training.

    Returns:
        How many points an epoch the mean is of; 0 if each epoch has only one.
    """
    numbers = axis.epoch_of(points.steps)
    inside = (numbers >= 1) & (numbers <= (len(axis.ends) or MOST_EPOCHS))
    mean = name.startswith("train_")
    values: dict[int, list[float]] = {}
    for number, t, value in zip(
        numbers[inside].tolist(), points.times[inside].tolist(), points.values[inside].tolist(), strict=True
    ):
        values.setdefault(number, []).append(value)
        times[number] = max(times.get(number, 0.0), t)
    for number, found in values.items():
        fields.setdefault(number, {})[name] = _mean(found) if mean and len(found) > 1 else found[-1]
    count = sum(map(len, values.values())) / max(len(values), 1)
    return count if mean and count > 1 else 0.0


def _mean(values: list[float]) -> float:
    """The mean, NaN if any value is; an overflow is no error here."""
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else float(np.mean(values))


def _epoch(number: int, found: dict[str, Any], classes: list[str], t: float) -> Epoch:
    plain = {name: value for name, value in found.items() if "." not in name}
    if "nonfinite" in plain:
        plain["nonfinite"] = int(plain["nonfinite"])
    seconds, step_ms = (
        {name.removeprefix(start): value for name, value in found.items() if name.startswith(start)}
        for start in ("seconds.", "step_ms.")
    )
    per_class = [found.get(f"class.{name}", math.nan) for name in classes]
    given = per_class if any(map(math.isfinite, per_class)) else []
    return Epoch(epoch=number, per_class=given, t=t, seconds=seconds, step_ms=step_ms, **plain)


def _per_epoch(series: Mapping[str, Points], axis: EpochAxis) -> int:
    if axis.epochs:
        return axis.steps_per_epoch
    last = max((float(points.steps[-1]) for points in series.values() if len(points)), default=0.0)
    return int(min(last, LARGEST))


def _steps(series: Mapping[str, Points], axis: EpochAxis) -> list[Step]:
    """The points of a loss, a learning rate and a speed between the ends of epochs."""
    if axis.epochs and not len(axis.ends):
        return []
    rows: dict[float, dict[str, float]] = {}
    for name, column in BY_STEP.items():
        points = series.get(name)
        if points is None or (name == "train_loss" and STEP_LOSS in series):
            continue
        if axis.epochs and len(points) <= len(axis.ends) * 1.5:
            continue  # one point an epoch, which the epochs hold
        for position, t, value in zip(
            points.steps.tolist(), points.times.tolist(), points.values.tolist(), strict=True
        ):
            rows.setdefault(position, {"t": t})[column] = value
    positions = np.array(sorted(rows))
    epochs = axis.epoch_of(positions)
    inner = axis.step_of(positions, epochs) if len(positions) else epochs
    return [
        Step(epoch=epoch, step=step, **rows[position])
        for position, epoch, step in zip(positions.tolist(), epochs.tolist(), inner.tolist(), strict=True)
        if epoch <= MOST_EPOCHS
    ]
