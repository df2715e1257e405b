"""Loss against learning rate on a logarithmic axis: single losses, the smoothed loss, and the suggested rate."""

from __future__ import annotations

import math

import numpy as np

from engine.analysis.lr_curve import LrCurve
from tui.drawing.axes import Axis, round_steps, tick_label
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.format import Glyphs, learning_rate, number
from tui.drawing.lines import Line, heading
from tui.drawing.plot import plot

GUTTER = 11
COLUMNS, ROWS = 100, 20
"""By which the ticks of a chart are chosen that is drawn as SVG."""
TITLE = "loss against learning rate"


def sweep_chart(curve: LrCurve, low: float, high: float, columns: int = COLUMNS, rows: int = ROWS) -> Chart:
    """The losses of a sweep. Those that explode are drawn along the upper edge.

    Args:
        low, high: the smallest and the largest rate of the sweep; the x axis spans them from the start.
        columns, rows: of the plot, for the number of ticks.
    """
    x, y = _rates_axis(low, high, columns), _loss_axis(curve, rows)
    powers = [math.log10(rate) for rate in curve.rates]
    series = [Curve("", powers, curve.losses, role="baseline", kind="points")]
    smoothed = [value for value in curve.smoothed if math.isfinite(value)]
    if smoothed:
        shown = (number(smoothed[-1]),)
        series.append(Curve("smooth", powers[: len(smoothed)], smoothed, shown, "test"))
    if curve.found:
        at = min(range(len(smoothed)), key=lambda i: abs(powers[i] - math.log10(curve.suggestion)))
        take = learning_rate(curve.suggestion)
        series.append(Curve("take", [powers[at]], [curve.smoothed[at]], (take,), "strong", "●"))
    return Chart(TITLE, tuple(series), x, y, "rate")


def rate_chart(curve: LrCurve, low: float, high: float, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """A heading and the plot of `sweep_chart` in `height` lines."""
    chart = sweep_chart(curve, low, high, width - GUTTER, height - 2)
    return [heading(TITLE, width), *plot(chart, width, height - 1, ChartStyle(GUTTER, glyphs=glyphs))]


def _rates_axis(low: float, high: float, columns: int) -> Axis:
    """The whole sweep as powers of ten, with as many ticks as fit."""
    start, end = math.log10(low), math.log10(high)
    first, last = math.ceil(start - 1e-9), math.floor(end + 1e-9)
    every = max(1, math.ceil((last - first + 1) * 7 / max(columns, 7)))
    powers = range(first, last + 1, every)
    return Axis(start, end, tuple((power, _power(10.0**power)) for power in powers))


def _power(rate: float) -> str:
    """1e-5, .01, 1, 10."""
    return tick_label(rate) if rate >= 1e-3 else f"{rate:.0e}".replace("e-0", "e-")


def _loss_axis(curve: LrCurve, rows: int) -> Axis:
    """The range of the losses until they explode; the few batches whose loss jumps are drawn along the edge as well."""
    kept = np.asarray([loss for loss, mean in zip(curve.losses, curve.smoothed, strict=True) if math.isfinite(mean)])
    if not len(kept):
        return Axis(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
    low, high = float(kept.min()), float(np.percentile(kept, 97))
    room = 0.08 * (high - low) or 0.1
    low, high = max(low - room, 0.0), high + room
    return Axis(low, high, tuple((tick, tick_label(tick)) for tick in round_steps(low, high, max(rows // 3, 2))))
