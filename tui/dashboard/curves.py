"""The history of a run as chart panes: which series, on which axes, with which labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.analysis.compare import where
from engine.analysis.series import Array
from engine.contract.text import one_line
from tui.dashboard.classes import class_names
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis, accuracy_axis, value_axis, x_axis
from tui.drawing.chart_pane import ChartPane
from tui.drawing.charts import ChartStyle, Series, smooth
from tui.drawing.figures import extra_accuracies, subset_of_test
from tui.drawing.format import delta, learning_rate, number, percent, whole

_FIGURES: Final[dict[str, tuple[str, str, Callable[[float], str]]]] = {
    "learning rate": ("lr", "lr", learning_rate),
    "images/s": ("images_per_second", "img/s", whole),
    "gradient norm": ("grad_norm", "norm", number),
    "update/weight": ("update_ratio", "ratio", number),
}
"""For each metric its column in the history, its label in the gutter, and how its values are written."""


def accuracy_curves(view: RunView, base: RunView | None, options: Options, frame: Frame) -> ChartPane:
    """Test accuracy, with the figure that the preset promises and a baseline run drawn faintly behind it."""
    x = x_axis_for(view, options, frame)
    series = _accuracy_series(view, base, options, frame, x)
    seen = [one.y for one in series]
    if math.isnan(view.last_accuracy):
        seen.append([100.0 / max(len(class_names(view.history)), 10)])  # chance level: where the curve will begin
    y = accuracy_axis(seen, frame.rows, options.accuracy_scale)
    known = not math.isnan(view.last_accuracy)
    part = subset_of_test(view.recipe)
    return ChartPane(
        title=f"accuracy %, {part}" if part else "accuracy %",
        series=tuple(series),
        x=x,
        y=y,
        style=frame.style(_tick_width(y), _x_name(options)),
        rights=_summaries(view) if known else (),
        right_role="",
        empty="" if known or len(series) > 1 else _first_test(view),
    )


def _first_test(view: RunView) -> str:
    """When the first test comes, for an empty plot."""
    if view.tested_once:
        return f"{view.no_test}, after epoch {view.first_test}" if view.first_test else view.no_test
    return f"no test yet: the first comes after epoch {view.first_test or 1}"


def _summaries(view: RunView) -> tuple[str, ...]:
    """The accuracy in words, from the most to the least detailed."""
    last = f"last {percent(view.last_accuracy)}"
    most = [last, *extra_accuracies(view.history.course.last)]
    if not view.best_on:
        return " · ".join([*most, "tested at the end"]), " · ".join(most), last
    best = f"best-on-{view.best_on} {percent(view.best_accuracy)}"
    most.append(f"{best} @ {view.best_epoch}")
    return " · ".join(most), f"{last} · {best} @ {view.best_epoch}", f"{last} · {best}", last


def _accuracy_series(view: RunView, base: RunView | None, options: Options, frame: Frame, x: Axis) -> list[Series]:
    """Faint series first, because later ones are drawn over them."""
    series: list[Series] = []
    if base is not None and base.run != view.run and view.comparable(base):
        series.append(_baseline(view, base, options, frame))
    promise = view.promise
    if promise is not None and x.high > x.low:
        label = "reported" if promise.source != "measured" else "measured"
        ends = [x.low, x.high]
        series.append(Series(label, ends, [100 * promise.accuracy] * 2, (percent(promise.accuracy),), "reported", "┄"))
    xs = epoch_positions(view, options)
    if not view.train_mixed:
        series.append(_shown(view, "train", "train_accuracy", xs, "train", "•", options))
    series.append(_shown(view, "train clean", "clean_train_accuracy", xs, "clean", "∙", options))
    series.append(_shown(view, "holdout", "holdout_accuracy", xs, "other", "◦", options))
    label = "test" if view.weights == "raw" else f"test {view.weights}"
    series.append(_shown(view, label, "test_accuracy", xs, "test", "", options))
    return [one for one in series if np.isfinite(np.asarray(one.y, dtype=float)).any()]


def _baseline(view: RunView, base: RunView, options: Options, frame: Frame) -> Series:
    """The baseline's curve; its value is that of the epoch at which both runs are compared."""
    difference, at, base_at = view.against(base)
    value = base.accuracy_at(base_at if at else base.done_epochs)[1]
    lines: tuple[str, ...] = (percent(value),)
    if frame.wide and at:
        lines = (base.short_id, where(at, base_at), *lines, f"Δ {delta(difference, 2)}")
    elif frame.wide:
        lines = (base.short_id, *lines)
    label = "baseline" if frame.wide else base.short_id
    accuracy = base.history.epoch("test_accuracy")
    return _percent(label, epoch_positions(base, options), accuracy, lines, "baseline", "·", options.smooth)


def _shown(view: RunView, label: str, column: str, xs: Array, role: str, mark: str, options: Options) -> Series:
    values = view.history.epoch(column)
    return _percent(label, xs, values, (percent(_last(values)),), role, mark, options.smooth)


def _percent(label: str, x: Array, y: Array, value: tuple[str, ...], role: str, mark: str, weight: float) -> Series:
    return Series(one_line(label), x, smooth(100.0 * y, weight), value, role, mark)


def lower_curves(view: RunView, options: Options, frame: Frame) -> ChartPane:
    """The pane below the accuracy: the losses, or another chosen metric."""
    if options.metric == "loss":
        return loss_curves(view, options, frame)
    x = x_axis_for(view, options, frame)
    column, label, write = _FIGURES[options.metric]
    values = view.history.epoch(column)
    shown = write(_last(values))
    curve = Series(label, epoch_positions(view, options), smooth(values, options.smooth), (shown,))
    y = value_axis([values], frame.rows, options.loss_scale)
    return ChartPane(
        options.metric, (curve,), x, y, frame.style(_tick_width(y), _x_name(options)), _settings(options, frame, shown),
        empty="" if len(values) else "no value yet: the first comes after epoch 1",
    )  # fmt: skip


def loss_curves(view: RunView, options: Options, frame: Frame) -> ChartPane:
    """Train and test loss. The train loss is that of single steps until epoch 1 ends, and on an x axis of steps."""
    by_step = options.x == "step" or not len(view.history.epochs)
    if by_step:
        options = replace(options, x="step")
    xs = epoch_positions(view, options)

    def one(label: str, x: Array, values: Array, role: str, mark: str = "") -> Series:
        return Series(label, x, smooth(values, options.smooth), (number(_last(values)),), role, mark)

    train = ("train*" if view.train_mixed else "train", "train", "•")
    losses = view.history.step("loss") if by_step else view.history.epoch("train_loss")
    held = view.history.epoch("holdout_loss")
    series = [one("holdout", xs, held, "other", "◦")] if np.isfinite(held).any() else []
    series.append(one(train[0], _steps_at(view) if by_step else xs, losses, *train[1:]))
    series.append(one("test", xs, view.history.epoch("test_loss"), "test"))
    x = x_axis_for(view, options, frame)
    seen = [curve for curve in series if len(np.asarray(curve.x))]
    y = value_axis([curve.y for curve in seen], frame.rows, options.loss_scale)
    lr = "" if math.isnan(view.learning_rate) else f"lr {learning_rate(view.learning_rate)}"
    return ChartPane(
        title="loss by step" if by_step else "loss", series=tuple(seen), x=x, y=y,
        style=frame.style(_tick_width(y), _x_name(options)),
        rights=_settings(options, frame, lr),
        empty="" if seen else "no step yet",
    )  # fmt: skip


def rate_curve(view: RunView, planned: Sequence[float], frame: Frame) -> ChartPane:
    """The learning rate of the whole run, or so far if `planned` is empty, with a dot at the current epoch."""
    now = view.learning_rate
    if len(planned):
        xs = np.linspace(0, view.planned_epochs, len(planned))
        rates = np.asarray(planned, dtype=np.float64)
    else:
        xs, rates = view.history.epoch("epoch"), view.history.epoch("lr")
    top = float(np.nanmax(rates)) if len(rates) and np.isfinite(rates).any() else 1.0
    label = learning_rate(top).removeprefix("0") or "0"
    y = Axis(0.0, top or 1.0, ((0.0, "0"), (top or 1.0, label)))
    at = min(view.progress_epochs, float(view.planned_epochs or view.progress_epochs))
    series = [Series("", xs, rates, role="test")]
    if not math.isnan(now):
        series.append(Series(f"at {at:.0f}", [at], [now], role="strong", mark="●"))
    x = Axis(0.0, float(max(view.planned_epochs, 1)))
    right = f"{view.schedule_name} · now {learning_rate(now)}" if view.schedule_name else f"now {learning_rate(now)}"
    style = ChartStyle(gutter=11, tick_width=max(len(label), 2), x_axis=False, glyphs=frame.glyphs)
    return ChartPane("learning rate, whole run", tuple(series), x, y, style, (right, f"now {learning_rate(now)}"))


def aligned(upper: ChartPane, lower: ChartPane) -> tuple[ChartPane, ChartPane]:
    """Two stacked panes with y labels of the same width, so that their x axes line up."""
    width = max(upper.style.tick_width, lower.style.tick_width)
    upper = replace(upper, style=replace(upper.style, tick_width=width))
    return upper, replace(lower, style=replace(lower.style, tick_width=width))


def _settings(options: Options, frame: Frame, figure: str) -> tuple[str, ...]:
    """The right end of a heading, longest first: the settings with their keys, or only unusual ones if it is narrow."""
    scale = "log" if options.loss_scale == "log" else "linear"
    long = f"a {scale}   x {options.x}   w smooth {options.smooth:g}"
    smoothed = f"w smooth {options.smooth:g}   " if options.smooth else ""
    short = f"{smoothed}{figure}"
    return (f"{long}   {figure}", short) if frame.wide else (short, figure)


def _tick_width(axis: Axis) -> int:
    return max([2, *(len(label) for _, label in axis.ticks)])


def _x_name(options: Options) -> str:
    return "min" if options.x == "time" else options.x


def epoch_positions(view: RunView, options: Options) -> Array:
    """Where each epoch ends on the x axis, in epochs, steps, or minutes of working time."""
    epochs = view.history.epoch("epoch")
    if options.x == "step":
        return epochs * max(view.steps_per_epoch, 1)
    if options.x == "time":
        return _minutes(view)
    return epochs


def x_axis_for(view: RunView, options: Options, frame: Frame) -> Axis:
    """The x axis for a run at its present progress."""
    columns = frame.width - frame.gutter - 3
    if options.x == "step":
        return _step_axis(view, frame)
    if options.x == "time":
        minutes = _minutes(view)
        return x_axis(float(minutes[-1]) if len(minutes) else 0.0, columns=columns)
    return x_axis(view.progress_epochs, view.planned_epochs or math.inf, columns)


def _step_axis(view: RunView, frame: Frame) -> Axis:
    planned = view.planned_epochs * view.steps_per_epoch or math.inf
    seen = _steps_at(view)
    done = view.history.epoch("epoch")
    last = max(float(seen[-1]) if len(seen) else 0.0, float(done[-1]) * view.steps_per_epoch if len(done) else 0.0)
    return x_axis(last, planned, frame.width - frame.gutter - 3)


def _steps_at(view: RunView) -> Array:
    """The number of each recorded step, counted over all epochs."""
    return view.history.position() * max(view.steps_per_epoch, 1)


def _minutes(view: RunView) -> Array:
    """Minutes of working time at the end of each epoch, without the pauses between attempts."""
    return np.cumsum(np.nan_to_num(view.seconds_by_epoch)) / 60


def _last(values: Array) -> float:
    seen = values[np.isfinite(values)]
    return float(seen[-1]) if len(seen) else math.nan
