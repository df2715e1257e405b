"""Where the points of a run lie on the x axis: in epochs, steps, or minutes of work."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from engine.analysis.series import Array
from tui.dashboard.options import Options, XRange, XUnit
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis, x_axis

_SHARE: Final[dict[XRange, float]] = {"last half": 0.5, "last fifth": 0.2}


_NAMES: Final[dict[XUnit, str]] = {"time": "min", "schedule": "% of schedule"}


def x_name(options: Options) -> str:
    """The name of the x axis."""
    return _NAMES.get(options.x, options.x)


def epoch_positions(view: RunView, options: Options) -> Array:
    """Where each epoch ends on the x axis, in epochs, steps, or minutes of working time."""
    if options.x == "step":
        return np.round(view.epoch_ends * max(view.steps_per_epoch, 1))
    return minutes(view) if options.x == "time" else view.epoch_ends


def step_positions(view: RunView) -> Array:
    """The number of each recorded step, counted over all epochs."""
    return view.history.position() * max(view.steps_per_epoch, 1)


def minutes(view: RunView) -> Array:
    """Minutes of working time at the end of each epoch, without the pauses between attempts."""
    return np.cumsum(np.nan_to_num(view.seconds_by_epoch)) / 60


def x_axis_for(view: RunView, options: Options) -> Axis:
    """The x axis for a run at its present progress."""
    return axis_of(*_progress(view, options), options)


def axis_of(last: float, planned: float, options: Options) -> Axis:
    """The x axis in the range that the user chose.

    Args:
        last: where the data end.
        planned: where they will end; infinite if unknown.
    """
    if share := _SHARE.get(options.x_range):
        return Axis(math.floor((1 - share) * last), max(math.ceil(last), 1))
    return x_axis(last, planned)


def _progress(view: RunView, options: Options) -> tuple[float, float]:
    """How far the run is on the x axis, and how far it will come."""
    if options.x == "time":
        worked = minutes(view)
        return float(worked[-1]) if len(worked) else 0.0, math.inf
    if options.x == "epoch":
        length = view.length or math.inf
        return min(view.progress_epochs, length), length
    steps, ends = step_positions(view), epoch_positions(view, options)
    last = max(float(found[-1]) if len(found) else 0.0 for found in (steps, ends))
    planned = round(view.length * view.steps_per_epoch) or math.inf
    return min(last, planned), planned


def cursor_at(view: RunView, options: Options) -> float:
    """Where the cursor is on the x axis; NaN without one."""
    if not options.cursor:
        return math.nan
    if options.x == "epoch":
        return min(float(options.cursor), view.length or math.inf)
    epochs = view.history.epoch("epoch")
    at = int(np.searchsorted(epochs, options.cursor, side="right")) - 1
    return float(epoch_positions(view, options)[at]) if at >= 0 else math.nan
