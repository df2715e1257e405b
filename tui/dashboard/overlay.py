"""The curves of the marked runs over each other, on an x axis of epochs, steps, minutes or parts of the schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.marked import MarkedRun
from engine.analysis.series import Array
from engine.contract.text import one_line
from tui.dashboard.options import Options, XUnit
from tui.dashboard.positions import axis_of, x_name
from tui.drawing.axes import Axis
from tui.drawing.charts import Chart, Curve
from tui.drawing.format import number, percent
from tui.drawing.lines import Line, hints
from tui.drawing.marks import faint_role_of, mark_of, role_of
from tui.drawing.palette import SLOTS
from tui.drawing.ranges import Ranges, fit_accuracy, fit_values, visible, zoomed

NO_TEST = "no test yet"


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the chart shows."""

    marked: Sequence[MarkedRun]
    """In the order of their marks."""
    slots: Sequence[int | None]
    """Of these runs, which decide their colors and marks."""
    baseline: str
    chosen: str = ""
    """Id of the run under the cursor, which is drawn over all others."""
    loss: bool = False
    """Show the test loss instead of the accuracy."""


def overlay_chart(shown: Overlay, options: Options, ranges: Ranges, *, wide: bool) -> Chart:
    """The chart of the marked runs. Only those with a color of their own are drawn.

    Args:
        wide: write the changes of each run below its label.
    """
    pairs = list(zip(shown.marked, shown.slots, strict=True))
    drawn = [(one, slot) for one, slot in pairs if slot is not None][:SLOTS]
    drawn.sort(key=lambda pair: pair[0].run.id == shown.chosen)  # stable: the chosen one last
    order = [*reversed(drawn[:-1]), drawn[-1]] if shown.chosen and drawn else list(reversed(drawn))
    training = _tested_only_at_the_end([one for one, _ in drawn], shown.loss)
    series = [_series(one, slot or 0, shown, options, wide, training) for one, slot in order]
    x = _x_axis(shown.marked, options)
    values = [visible(one.points, x, last_half=True) for one in series]
    if shown.loss:
        fit, title = fit_values(values, scale=options.loss_scale), "loss"
    else:
        fit, title = fit_accuracy(values, scale=options.accuracy_scale), "accuracy %"
    title = f"train {title}, tested at the end" if training else f"test {title}"
    y = ranges.settle((shown.loss, training, options.axis, options.x, options.x_range), fit)
    last = series[-1].points[1] if series else np.empty(0)
    y = zoomed(y, float(last[-1]) if len(last) else math.nan, options.zoom)
    empty = "" if any(len(value) for value in values) else _why_empty(shown.marked)
    rights = _settings(options, y, len(pairs), len(drawn))
    write = number if shown.loss else _two_digits
    return Chart(title, tuple(series), x, y, x_name(options), write, _cursor(shown.marked, options), rights,
                 keeps_rights=True, empty=empty)  # fmt: skip


def _tested_only_at_the_end(drawn: Sequence[MarkedRun], loss: bool) -> bool:
    """Whether curves of the training have to be drawn, since each test curve would be a single point."""
    tests = [np.isfinite(_curve(one, loss, training=False)).sum() for one in drawn]
    trained = [np.isfinite(_curve(one, loss, training=True)).sum() for one in drawn]
    return max(tests, default=2) < 2 <= min(trained, default=0) and any(one.course.tested_once for one in drawn)


def _curve(one: MarkedRun, loss: bool, training: bool) -> Array:
    """The values of a run by epoch, accuracies in percent."""
    epochs = one.course.epochs
    if loss:
        return np.array([epoch.train_loss if training else epoch.test_loss for epoch in epochs], dtype=np.float64)
    shares = [epoch.train_accuracy if training else epoch.test_accuracy for epoch in epochs]
    return 100 * np.array(shares, dtype=np.float64)


def _why_empty(marked: Sequence[MarkedRun]) -> str:
    return "tested at the end" if any(one.course.tested_once for one in marked) else NO_TEST


def _series(one: MarkedRun, slot: int, shown: Overlay, options: Options, wide: bool, training: bool) -> Curve:
    xs = positions(one, options.x)
    ys = _curve(one, shown.loss, training)
    known = ys[np.isfinite(ys)]
    last = float(known[-1]) if len(known) else math.nan
    value = number(last) if shown.loss else percent(last / 100)
    note = "baseline" if one.run.id == shown.baseline else one_line(one.changes)
    best = xs[one.row.standing.epoch == one.row.best_epoch] if not (shown.loss or training) else xs[:0]
    return Curve(
        f"{one.run.id[-4:]} {value}", xs, ys, (note,) if wide else (), role_of(slot), mark_of(slot, one.run.id),
        faint=faint_role_of(slot), weight=options.smooth, best=float(best[0]) if len(best) else math.nan, slot=slot,
    )  # fmt: skip


def positions(one: MarkedRun, unit: XUnit) -> Array:
    """Where each epoch of a run ends on the x axis: in epochs, steps, minutes of work, or percent of its schedule."""
    epochs = np.minimum(one.row.standing.epoch, one.length or math.inf)
    match unit:
        case "step":
            return np.round(epochs * _steps(one))
        case "time":
            spent = [sum(epoch.seconds.values()) if epoch.seconds else 0.0 for epoch in one.course.epochs]
            return np.asarray(np.cumsum(spent) / 60)
        case "schedule":
            return 100 * epochs / max(one.length, 1.0)
        case "epoch":
            return epochs


def _steps(one: MarkedRun) -> int:
    return max(one.course.started.steps_per_epoch, 1) if one.course.started else 1


def _x_axis(marked: Sequence[MarkedRun], options: Options) -> Axis:
    """The axis that holds all runs."""
    last = max((float(xs[-1]) for one in marked if len(xs := positions(one, options.x))), default=0.0)
    match options.x:
        case "epoch":
            planned = max((one.length for one in marked), default=0.0)
        case "step":
            planned = max((round(one.length * _steps(one)) for one in marked), default=0)
        case "schedule":
            planned = 100
        case "time":
            planned = 0
    return axis_of(last, planned or math.inf, options)


def _cursor(marked: Sequence[MarkedRun], options: Options) -> float:
    """Where the cursor is: at its epoch of the run with the most epochs."""
    longest = max(marked, key=lambda one: one.course.epoch, default=None)
    if not options.cursor or longest is None:
        return math.nan
    at = int(np.searchsorted(longest.row.standing.epoch, options.cursor, side="right")) - 1
    return float(positions(longest, options.x)[at]) if at >= 0 else math.nan


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


def _settings(options: Options, y: Axis, runs: int, drawn: int) -> tuple[Line, ...]:
    """The settings as key hints, from the longest to the shortest."""
    weight = f"{options.smooth:g}".removeprefix("0") or "0"
    left_out = f"   first {drawn} of {runs} drawn" if drawn < runs else ""
    keys = [("a", y.scale), ("x", options.x), ("w", f"smooth {weight}")]
    fits = {0: "y fits last half"}.get(options.zoom, f"y zoom {options.zoom:+d}")
    long: Line = [*hints(keys), ("  ", ""), ("+ -", "key"), (f" {fits}{left_out}", "dim")]
    short: Line = [*hints([*keys[:2], ("w", weight)]), ("  ", ""), ("+ -", "key"), (f" {fits}{left_out}", "dim")]
    return long, short, hints([*keys[:2], ("w", weight)]), hints(keys[:2])
