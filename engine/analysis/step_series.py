"""The recorded steps of a run as columns, of which there may be a million."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from engine.analysis.rows import LARGEST_STEP, STEP_NAMES, step_key
from engine.analysis.series import Array, Series
from engine.contract.run.events import Step

_FIGURES: Final = ("t", "lr", "images_per_second")
_PLACES: Final = [STEP_NAMES.index(name) for name in _FIGURES]
_UNKNOWN: Final = (0.0, math.nan, math.nan)


class StepSeries:
    """Steps in ascending order, with 16 bytes each for position and loss, and 32 more for the rest of their figures.

    Epoch and step are one number, from which both columns are computed. The rest is kept separately, since a screen
    that draws the loss needs it for the newest step only, and for the step before those that a resume drops.

    Args:
        figures: keep time, learning rate and speed of at least this many of the newest steps, and at most twice as
            many; 0 keeps those of all.
    """

    def __init__(self, figures: int = 0) -> None:
        self._losses = Series(("key", "loss"))
        self._figures = Series(("key", *_FIGURES))
        self._newest = figures

    def __len__(self) -> int:
        return len(self._losses)

    def column(self, name: str) -> Array:
        """A column of STEP_NAMES, (steps,), read-only, valid until steps are added or dropped; NaN where not kept."""
        if name in _FIGURES:
            known = self._figures.column(name)
            missing = len(self) - len(known)
            column = np.concatenate((np.full(missing, math.nan), known)) if missing else known
        elif name in ("epoch", "step"):
            keys = self._losses.column("key")
            epoch: Array = np.floor(keys / LARGEST_STEP)
            column = epoch if name == "epoch" else keys - epoch * LARGEST_STEP
        else:
            column = self._losses.column(name)
        column.flags.writeable = False
        return column

    @property
    def newest(self) -> Step | None:
        """The last step. If its figures are not kept, its learning rate and speed are NaN, and its time is 0."""
        if not len(self):
            return None
        epoch, step = divmod(int(self._losses.column("key")[-1]), LARGEST_STEP)
        loss = float(self._losses.column("loss")[-1])
        t, lr, speed = (float(self._figures.column(name)[-1]) for name in _FIGURES) if len(self._figures) else _UNKNOWN
        return Step(epoch=epoch, step=step, loss=loss, lr=lr, images_per_second=speed, t=t)

    def extend(self, rows: Array) -> None:
        """Add steps (n, STEP_NAMES)."""
        _, epoch, step, loss = rows.T[:4]
        keys = step_key(epoch, step)
        self._losses.extend(np.column_stack((keys, loss)))
        self._figures.extend(np.column_stack((keys, rows[:, _PLACES])))
        if self._newest and len(self._figures) >= 2 * self._newest:
            self._figures.keep_last(self._newest)

    def cut(self, epoch: int, step: int) -> None:
        """Drop the steps after the first `step` ones of this epoch."""
        for series in (self._losses, self._figures):
            series.cut(step_key(epoch, step + 1))
