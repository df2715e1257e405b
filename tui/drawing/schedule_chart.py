"""A schedule over a whole run as charts: the learning rate, and the momentum if the schedule changes it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.schedules import plan
from tui.drawing.axes import Axis, rate_axis, tick_label, x_axis
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.format import Glyphs, learning_rate, number
from tui.drawing.lines import Line, heading
from tui.drawing.plot import plot

GUTTER = 11
POINTS, ROWS = 400, 20
"""Of a curve that is drawn as SVG, and the rows by which its ticks are chosen."""


def own_momentum(recipe: Recipe) -> float:
    """The momentum of the optimizer (Adam: beta1); 0 if it has none."""
    options = recipe.optimizer.options
    return float(options.get("momentum", options.get("beta1", 0.0)))


def momenta(recipe: Recipe, moments: Sequence[float]) -> list[float]:
    """The momentum at `moments`, fractions 0..1 of the run; empty if the schedule does not change it."""
    low, own = recipe.schedule.options["momentum_low"], own_momentum(recipe)
    at = plan(recipe.schedule, recipe.epochs)
    return [own - (own - low) * at(moment).swing for moment in moments] if low else []


def schedule_charts(recipe: Recipe, points: int = POINTS, rows: int = ROWS) -> list[Chart]:
    """The learning rate, and the momentum if the schedule changes it.

    Args:
        points: of each curve, at equal distances over the run; at least 2.
        rows: of the plot, for the number of ticks.
    """
    moments = [i / (points - 1) for i in range(points)]
    at, peak = plan(recipe.schedule, recipe.epochs), recipe.optimizer.options["lr"]
    rates = [peak * at(moment).factor for moment in moments]
    x = x_axis(recipe.epochs, recipe.epochs)
    xs = [recipe.epochs * moment for moment in moments]
    title = f"learning rate · {one_line(recipe.schedule.name)}, updated every {recipe.schedule.options['by']}"
    ends = Curve("end", xs, rates, (learning_rate(rates[-1]),))
    found = [Chart(title, (ends,), x, rate_axis(rates, rows), "epoch")]
    if moved := momenta(recipe, moments):
        series = Curve("end", xs, moved, (number(moved[-1]),), "train")
        found.append(Chart("momentum", (series,), x, _momentum_axis(recipe), "epoch"))
    return found


def charts(recipe: Recipe, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The learning rate in `height` lines, and as many for the momentum if it changes."""
    found = schedule_charts(recipe, max(2 * (width - GUTTER), 2), height - 2)
    ticks = max(len(name) for chart in found for _, name in chart.y.ticks)
    style = ChartStyle(gutter=GUTTER, tick_width=ticks, glyphs=glyphs)
    return [line for one in found for line in (heading(one.title, width), *plot(one, width, height - 1, style))]


def _momentum_axis(recipe: Recipe) -> Axis:
    """From `momentum_low` to the optimizer's own momentum, rather than from 0."""
    low, own = recipe.schedule.options["momentum_low"], own_momentum(recipe)
    room = 0.05 * (own - low)
    return Axis(low - room, own + room, ((low, tick_label(low)), (own, tick_label(own))))
