"""The history of a run as charts: which series, on which axes, with which labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.analysis.series import Array
from tui.dashboard.accuracy_series import CurveStyle, accuracy_series
from tui.dashboard.options import Frame, Options
from tui.dashboard.positions import cursor_at, epoch_positions, step_positions, x_axis_for, x_name
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis, rate_axis
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.figures import extra_accuracies, subset_of_test
from tui.drawing.format import learning_rate, number, percent, whole
from tui.drawing.lines import Line, hints
from tui.drawing.plot import tick_width
from tui.drawing.ranges import Ranges, fit_accuracy, fit_values, visible, zoomed

_FIGURES: Final[dict[str, tuple[str, str, Callable[[float], str]]]] = {
    "learning rate": ("lr", "lr", learning_rate),
    "images/s": ("images_per_second", "img/s", whole),
    "gradient norm": ("grad_norm", "norm", number),
    "update/weight": ("update_ratio", "ratio", number),
}
"""For each metric its column in the history, its label in the gutter, and how its values are written."""
_ALONE: Final = CurveStyle()


def accuracy_curves(
    view: RunView,
    base: RunView | None,
    options: Options,
    frame: Frame,
    look: CurveStyle = _ALONE,
    ranges: Ranges | None = None,
) -> Chart:
    """Test accuracy, with the figure that the preset promises and a baseline run drawn behind it."""
    x = x_axis_for(view, options)
    series = accuracy_series(view, base, options, x, look, wide=frame.wide)
    levels = [float(np.asarray(one.y)[0]) for one in series if one.kind == "level"]
    seen = [visible(one.points, x) for one in series if one.kind != "level"]
    fit = fit_accuracy(seen, levels, options.accuracy_scale)
    y = (ranges or Ranges()).settle((view.run, "accuracy", options.axis, options.x_range), fit)
    known = not math.isnan(view.last_accuracy)
    part = subset_of_test(view.recipe)
    return Chart(
        title=f"accuracy %, {part}" if part else "accuracy %",
        series=tuple(series),
        x=x,
        y=zoomed(y, 100 * view.last_accuracy, options.zoom),
        x_name=x_name(options),
        write="{:.2f}".format,
        cursor=cursor_at(view, options),
        rights=_summaries(view, look) if known else (),
        empty="" if known or seen else _first_test(view),
    )


def _first_test(view: RunView) -> str:
    """When the first test comes, for an empty plot."""
    if view.info.layout:
        return "no accuracy in the imported files"
    if view.tested_once:
        return f"{view.no_test}, after epoch {view.first_test}" if view.first_test else view.no_test
    return f"no test yet: the first comes after epoch {view.first_test or 1}"


def _summaries(view: RunView, look: CurveStyle) -> tuple[Line, ...]:
    """The accuracy in words, from the most to the least detailed."""
    last: Line = [("last ", "dim"), (percent(view.last_accuracy), look.role)]
    extras = [(f" · {extra}", "dim") for extra in extra_accuracies(view.history.course.last)]
    if not view.best_on:
        return [*last, *extras, (" · tested at the end", "dim")], [*last, *extras], last
    figure, epoch = (percent(view.best_accuracy), "strong"), view.best_epoch
    best: Line = [(f" · best-on-{view.best_on} ", "dim"), figure]
    short: Line = [(" · best* " if view.best_on == "test" else " · best ", "dim"), figure]
    at = [(f" @ {epoch}", "dim")]
    return (
        [*last, *extras, *best, *at],
        [*last, *best, *at],
        [*last, *short, (f" @{epoch}", "dim")],
        [*last, *short],
        last,
    )


def lower_curves(
    view: RunView,
    options: Options,
    frame: Frame,
    look: CurveStyle = _ALONE,
    ranges: Ranges | None = None,
    base: RunView | None = None,
) -> Chart:
    """The chart below the accuracy: the losses, or another chosen metric."""
    if options.metric == "loss":
        return loss_curves(view, options, frame, look, ranges, base)
    column, label, write = _FIGURES[options.metric]
    x, values = x_axis_for(view, options), view.history.epoch(column)
    shown = write(_last(values))
    curve = Curve(
        label,
        epoch_positions(view, options),
        values,
        (shown,),
        look.role,
        look.mark,
        faint=look.faint,
        weight=options.smooth,
    )
    return _fitted(
        Chart(
            options.metric, (curve,), x, Axis(0.0, 1.0), x_name(options), write, cursor_at(view, options),
            _settings(options, frame, shown),
            empty="" if len(values) else "no value yet: the first comes after epoch 1",
        ),
        view, options, ranges,
    )  # fmt: skip


def loss_curves(
    view: RunView,
    options: Options,
    frame: Frame,
    look: CurveStyle = _ALONE,
    ranges: Ranges | None = None,
    base: RunView | None = None,
) -> Chart:
    """Train and test loss. The train loss is that of single steps until epoch 1 ends, and on an x axis of steps."""
    by_step = options.x == "step" or not len(view.history.epochs)
    if by_step:
        options = replace(options, x="step")
    xs = epoch_positions(view, options)

    def one(label: str, x: Array, values: Array, pen: CurveStyle) -> Curve:
        shown = (number(_last(values)),)
        return Curve(label, x, values, shown, pen.role, pen.mark, faint=pen.faint, weight=options.smooth, slot=pen.slot)

    held = view.history.epoch("holdout_loss")
    series = []
    if base is not None and base.run != view.run and view.comparable(base):
        series.append(_base_loss(base, options))
    if np.isfinite(held).any():
        series.append(one("holdout", xs, held, CurveStyle("other", "", "◦", 2)))
    losses = view.history.step("loss") if by_step else view.history.epoch("train_loss")
    label = "train*" if view.train_mixed else "train"
    train = one(label, step_positions(view) if by_step else xs, losses, CurveStyle("train", "faint-train", "•", 1))
    series.append(replace(train, value=(*train.value, "mixed")) if view.train_mixed and frame.wide else train)
    series.append(one("test", xs, view.history.epoch("test_loss"), look))
    seen = tuple(curve for curve in series if len(np.asarray(curve.x)))
    lr = "" if math.isnan(view.learning_rate) else f"lr {learning_rate(view.learning_rate)}"
    chart = Chart(
        "loss by step" if by_step else "loss", seen, x_axis_for(view, options), Axis(0.0, 1.0), x_name(options), number,
        cursor_at(view, options), _settings(options, frame, lr), empty="" if seen else "no step yet",
    )  # fmt: skip
    return _fitted(chart, view, options, ranges)


def _base_loss(base: RunView, options: Options) -> Curve:
    values = base.history.epoch("test_loss")
    xs, shown = epoch_positions(base, options), (number(_last(values)),)
    return Curve(base.short_id, xs, values, shown, "baseline", "─", "plain", "faint-baseline", options.smooth)


def _fitted(chart: Chart, view: RunView, options: Options, ranges: Ranges | None) -> Chart:
    """The chart on the y axis that fits its series."""
    fit = fit_values([visible(one.points, chart.x) for one in chart.series], scale=options.loss_scale)
    y = (ranges or Ranges()).settle((view.run, chart.title, options.axis, options.x_range), fit)
    _, last = chart.series[-1].read(math.inf) if chart.series else (0.0, math.nan)
    return replace(chart, y=zoomed(y, last, options.zoom))


def rate_curve(view: RunView, planned: Sequence[float], look: CurveStyle = _ALONE, rows: int = 8) -> Chart:
    """The learning rate of the whole run, or so far if `planned` is empty, with a mark at the current epoch.

    Args:
        rows: height of the plot, which determines how many rates are labeled.
    """
    now = view.learning_rate
    at = min(view.progress_epochs, view.length or math.inf)
    if len(planned):
        xs, rates = np.linspace(0, view.length, len(planned)), np.asarray(planned, dtype=np.float64)
    else:
        xs, rates = view.epoch_ends, view.history.epoch("lr")
    done = xs <= at
    series = [Curve("", xs[~done], rates[~done], role=look.faint, kind="level")]
    series.append(Curve("", xs[done], rates[done], role=look.role))
    if not math.isnan(now):
        series.append(Curve("", [at], [now], role=look.role, mark=look.mark, note=f"now {learning_rate(now)}"))
    x = Axis(0.0, max(view.length, 1.0))
    rights = (f"{view.schedule_name}, whole run", view.schedule_name) if view.schedule_name else ()
    return Chart("learning rate", tuple(series), x, rate_axis(rates, max(rows, 8)), write=learning_rate, rights=rights)


def aligned(upper: Chart, lower: Chart, frames: tuple[Frame, Frame]) -> tuple[ChartStyle, ChartStyle]:
    """The styles of two stacked charts with y labels of the same width, so that their x axes line up."""
    plain = [frame.style() for frame in frames]
    pairs = zip((upper, lower), frames, plain, strict=True)
    width = max(tick_width(chart, frame.height, style) for chart, frame, style in pairs)
    first, second = (replace(style, tick_width=width) for style in plain)
    return first, second


def _settings(options: Options, frame: Frame, figure: str) -> tuple[Line, ...]:
    """The right end of a heading, longest first: the settings with their keys, or only unusual ones if it is narrow."""
    scale = "log" if options.loss_scale == "log" else "linear"
    smoothing = ("w", f"smooth {options.smooth:g}".replace("0.", "."))
    long = hints([("a", scale), ("x", options.x), smoothing])
    shown: Line = [(figure, "dim")]
    short = [*shown, (" · ", "dim"), *hints([smoothing])] if figure else hints([smoothing])
    return (long, short, shown) if frame.wide else (short, shown)


def _last(values: Array) -> float:
    seen = values[np.isfinite(values)]
    return float(seen[-1]) if len(seen) else math.nan
