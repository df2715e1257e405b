"""What a run's history looks like as chart panes: which series, on which axes, with which labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.analysis.compare import where
from engine.analysis.series import Array
from engine.contract.text import one_line
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis, accuracy_axis, value_axis, x_axis
from tui.drawing.chart_pane import Curves
from tui.drawing.charts import Look, Series, smooth
from tui.drawing.figures import beside, part_of_test
from tui.drawing.format import delta, learning_rate, number, percent, whole

_FIGURES: Final[dict[str, tuple[str, str, Callable[[float], str]]]] = {
    "learning rate": ("lr", "lr", learning_rate),
    "images/s": ("images_per_second", "img/s", whole),
    "gradient norm": ("grad_norm", "norm", number),
    "update/weight": ("update_ratio", "ratio", number),
}
"""What a metric is called in events and in the gutter, and how it is written."""


def accuracy_curves(view: RunView, base: RunView | None, options: Options, frame: Frame) -> Curves:
    """Test accuracy with what it is measured against: the recipe's promise and a baseline run, both faint."""
    x = x_axis_of(view, options, frame)
    series = _accuracy_series(view, base, options, frame, x)
    seen = [one.y for one in series]
    if math.isnan(view.last_accuracy):
        seen.append([100.0 / max(len(view.classes), 10)])  # guessing: where the curve is going to begin
    y = accuracy_axis(seen, frame.rows, options.accuracy_scale)
    known = not math.isnan(view.last_accuracy)
    part = part_of_test(view.recipe)
    return Curves(
        title=f"accuracy %, {part}" if part else "accuracy %",
        series=tuple(series),
        x=x,
        y=y,
        look=frame.look(_tick_width(y), _x_name(options)),
        rights=_summaries(view) if known else (),
        right_role="",
        empty="" if known or len(series) > 1 else "tested first at the end of an epoch",
    )


def _summaries(view: RunView) -> tuple[str, ...]:
    """The accuracy in words, the most telling first."""
    last = f"last {percent(view.last_accuracy)}"
    best = f"best-on-{view.best_on} {percent(view.best_accuracy)}"
    most = [last, *beside(view.history.course.last), f"{best} @ {view.best_epoch}"]
    return " · ".join(most), f"{last} · {best} @ {view.best_epoch}", f"{last} · {best}", last


def _accuracy_series(view: RunView, base: RunView | None, options: Options, frame: Frame, x: Axis) -> list[Series]:
    """Faint ones first: what comes later is drawn over them."""
    series: list[Series] = []
    if base is not None and base.run != view.run and view.comparable(base):
        series.append(_baseline(view, base, options, frame))
    promised = view.promise
    if promised is not None and x.high > x.low:
        label = "reported" if promised.source != "measured" else "measured"
        ends = [x.low, x.high]
        series.append(
            Series(label, ends, [100 * promised.accuracy] * 2, (percent(promised.accuracy),), "reported", "┄")
        )
    xs = epoch_places(view, options)
    if not view.train_mixed:
        series.append(_shown(view, "train", "train_accuracy", xs, "train", "•", options))
    series.append(_shown(view, "train clean", "clean_train_accuracy", xs, "clean", "∙", options))
    series.append(_shown(view, "holdout", "holdout_accuracy", xs, "other", "◦", options))
    label = "test" if view.weights == "raw" else f"test {view.weights}"
    series.append(_shown(view, label, "test_accuracy", xs, "test", "", options))
    return [one for one in series if np.isfinite(np.asarray(one.y, dtype=float)).any()]


def _baseline(view: RunView, base: RunView, options: Options, frame: Frame) -> Series:
    """The baseline's curve; its value is that of the epoch at which the two are compared."""
    difference, at, base_at = view.against(base)
    value = base.accuracy_at(base_at if at else base.done_epochs)[1]
    lines: tuple[str, ...] = (percent(value),)
    if frame.wide and at:
        lines = (base.short_id, where(at, base_at), *lines, f"Δ {delta(difference, 2)}")
    elif frame.wide:
        lines = (base.short_id, *lines)
    label = "baseline" if frame.wide else base.short_id
    accuracy = base.history.epoch("test_accuracy")
    return _percent(label, epoch_places(base, options), accuracy, lines, "baseline", "·", options.smooth)


def _shown(view: RunView, label: str, column: str, xs: Array, role: str, mark: str, options: Options) -> Series:
    values = view.history.epoch(column)
    return _percent(label, xs, values, (percent(_last(values)),), role, mark, options.smooth)


def _percent(label: str, x: Array, y: Array, value: tuple[str, ...], role: str, mark: str, weight: float) -> Series:
    return Series(one_line(label), x, smooth(100.0 * y, weight), value, role, mark)


def lower_curves(view: RunView, options: Options, frame: Frame) -> Curves:
    """The pane under the accuracy: losses, or the metric that was chosen."""
    if options.metric == "loss":
        return loss_curves(view, options, frame)
    x = x_axis_of(view, options, frame)
    column, label, write = _FIGURES[options.metric]
    values = view.history.epoch(column)
    shown = write(_last(values))
    curve = Series(label, epoch_places(view, options), smooth(values, options.smooth), (shown,))
    y = value_axis([values], frame.rows, options.loss_scale)
    return Curves(
        options.metric, (curve,), x, y, frame.look(_tick_width(y), _x_name(options)), _settings(options, frame, shown),
        empty="" if len(values) else "comes with the first epoch",
    )  # fmt: skip


def loss_curves(view: RunView, options: Options, frame: Frame) -> Curves:
    """Train and test loss. Before the first epoch has ended, and by step, the train loss is that of single steps."""
    by_step = options.x == "step" or not len(view.history.epochs)
    if by_step:
        options = replace(options, x="step")
    xs = epoch_places(view, options)

    def one(label: str, x: Array, values: Array, role: str, mark: str = "") -> Series:
        return Series(label, x, smooth(values, options.smooth), (number(_last(values)),), role, mark)

    train = ("train*" if view.train_mixed else "train", "train", "•")
    losses = view.history.step("loss") if by_step else view.history.epoch("train_loss")
    held = view.history.epoch("holdout_loss")
    series = [one("holdout", xs, held, "other", "◦")] if np.isfinite(held).any() else []
    series.append(one(train[0], _steps_at(view) if by_step else xs, losses, *train[1:]))
    series.append(one("test", xs, view.history.epoch("test_loss"), "test"))
    x = x_axis_of(view, options, frame)
    seen = [curve for curve in series if len(np.asarray(curve.x))]
    y = value_axis([curve.y for curve in seen], frame.rows, options.loss_scale)
    lr = "" if math.isnan(view.learning_rate) else f"lr {learning_rate(view.learning_rate)}"
    return Curves(
        title="loss by step" if by_step else "loss", series=tuple(seen), x=x, y=y,
        look=frame.look(_tick_width(y), _x_name(options)),
        rights=_settings(options, frame, lr),
        empty="" if seen else "comes with the first steps",
    )  # fmt: skip


def rate_curve(view: RunView, planned: Sequence[float], frame: Frame) -> Curves:
    """The learning rate of the whole run, with a dot where it stands; only what was used when the plan is not known."""
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
    look = Look(gutter=11, tick_width=max(len(label), 2), x_axis=False, glyphs=frame.glyphs)
    return Curves("learning rate, whole run", tuple(series), x, y, look, (right, f"now {learning_rate(now)}"))


def aligned(upper: Curves, lower: Curves) -> tuple[Curves, Curves]:
    """Two panes above each other with the same room for y labels, so that their x axes agree."""
    width = max(upper.look.tick_width, lower.look.tick_width)
    upper = replace(upper, look=replace(upper.look, tick_width=width))
    return upper, replace(lower, look=replace(lower.look, tick_width=width))


def _settings(options: Options, frame: Frame, figure: str) -> tuple[str, ...]:
    """Right part of a heading, longest first: the settings with their keys; in a narrow pane only what is not usual."""
    scale = "log" if options.loss_scale == "log" else "linear"
    long = f"a {scale}   x {options.x}   w smooth {options.smooth:g}"
    smoothed = f"w smooth {options.smooth:g}   " if options.smooth else ""
    short = f"{smoothed}{figure}"
    return (f"{long}   {figure}", short) if frame.wide else (short, figure)


def _tick_width(axis: Axis) -> int:
    return max([2, *(len(label) for _, label in axis.ticks)])


def _x_name(options: Options) -> str:
    return "min" if options.x == "time" else options.x


def epoch_places(view: RunView, options: Options) -> Array:
    """Where the epochs lie on the x axis: at their ends, in epochs, steps or minutes of training."""
    epochs = view.history.epoch("epoch")
    if options.x == "step":
        return epochs * max(view.steps_per_epoch, 1)
    if options.x == "time":
        return _minutes(view)
    return epochs


def x_axis_of(view: RunView, options: Options, frame: Frame) -> Axis:
    """The x axis for a run that has come so far."""
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
    """Number of each told step, counted over all epochs."""
    return view.history.position() * max(view.steps_per_epoch, 1)


def _minutes(view: RunView) -> Array:
    """Minutes of work at the end of each epoch, without pauses between attempts."""
    return np.cumsum(np.nan_to_num(view.seconds_by_epoch)) / 60


def _last(values: Array) -> float:
    seen = values[np.isfinite(values)]
    return float(seen[-1]) if len(seen) else math.nan
