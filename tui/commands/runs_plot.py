"""`cifar-tui runs show RUN --plot`: the charts of the Dashboard in a plain terminal."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from engine.contract.errors import BadInput, nearest_or_all
from engine.contract.text import one_line
from engine.exchange.imports.scalars import read_scalars
from tui.commands import output
from tui.commands.common import print_lines
from tui.dashboard import panels
from tui.dashboard.curves import accuracy_curves, aligned, lower_curves, rate_curve
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.axes import Axis
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, Curve
from tui.drawing.format import Glyphs, counted, glyphs_of_terminal, number, to_ascii
from tui.drawing.lines import Line, clip
from tui.drawing.palette import PALETTES, Palette, looks
from tui.drawing.ranges import fit_values, visible
from tui.settings import Settings

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder

LEAST: Final = (40, 12)
"""Cells across and down below which a chart says nothing; a smaller terminal gets this size all the same."""
THREE: Final = 36
"""Lines from which the learning rate has a chart of its own."""


def plot_run(folder: RunFolder, settings: Settings, scalar: str = "", baseline: RunFolder | None = None) -> None:
    """Print the charts in the size of the terminal, leaving a line for the prompt; 80 x 24 where there is none.

    Args:
        scalar: the tag of a scalar of an imported run, which is drawn instead.
        baseline: the run whose curves are drawn behind, and to which the accuracy is compared.
    """
    width, height = shutil.get_terminal_size()
    glyphs = _glyphs(settings)
    console = Console(file=output.drawable(sys.stdout))
    colored = console.color_system is not None and not os.environ.get("NO_COLOR")
    view = RunView(folder)
    view.poll()
    base = RunView(baseline) if baseline is not None else None
    if base is not None:
        base.poll()
    draw = partial(scalar_chart, tag=scalar) if scalar else partial(charts, base=base)
    lines = draw(view, max(width, LEAST[0]), max(height - 1, LEAST[1]), glyphs, color=colored)
    if colored:
        palette = PALETTES[settings.theme or next(iter(PALETTES))]
        for line in lines:
            console.print(Segments([*_segments(line, palette, glyphs), Segment.line()]), soft_wrap=True)
    else:
        print_lines(lines, glyphs)


def charts(
    view: RunView, width: int, height: int, glyphs: Glyphs, *, color: bool, base: RunView | None = None
) -> list[Line]:
    """Which run it is, and its charts: accuracy and loss on one x axis, below them the learning rate if it fits."""
    rate = max(height // 4, 8) if height >= THREE else 0
    accuracy = round((height - 1 - rate) * 0.58)
    upper = Frame(width, accuracy - 1, glyphs, color=color, x_axis=False)
    lower = Frame(width, height - 1 - rate - accuracy - 1, glyphs, color=color)
    above, below = accuracy_curves(view, base, Options(), upper), lower_curves(view, Options(), lower, base=base)
    styles = aligned(above, below, (upper, lower))
    plain = replace(below, rights=below.rights[-1:])  # without keys, which nobody can press here
    lines = [_title(view, width), *chart_pane(above, styles[0], width, accuracy)]
    lines += chart_pane(plain, styles[1], width, lower.height + 1)
    if rate:
        style = replace(lower.style(), gutter=0)
        lines += chart_pane(rate_curve(view, panels.planned_rates(view)), style, width, rate)
    return lines


def scalar_chart(view: RunView, width: int, height: int, glyphs: Glyphs, *, color: bool, tag: str) -> list[Line]:
    """Which run it is, and a scalar of other files that is no series of ours, over the steps at which it was logged.

    Raises:
        BadInput: the run has no such scalar.
    """
    found = read_scalars(view.run.path)
    if tag not in found:
        raise BadInput(f"--scalar {tag!r}: run {view.run.id} has no such scalar{nearest_or_all(tag, list(found))}")
    curve, frame = found[tag], Frame(width, height - 2, glyphs, color=color)
    last = number(float(curve.value[-1]))
    series = Curve(one_line(tag, 12), curve.step, curve.value, (last,), "run-0", "●", faint="faint-0")
    x = Axis(float(curve.step[0]), float(max(curve.step[-1], curve.step[0] + 1)))
    y = fit_values([visible(series.points, x)]).axis
    chart = Chart(one_line(tag), (series,), x, y, "step")
    return [_title(view, width), *chart_pane(chart, frame.style(), width, height - 1)]


def _title(view: RunView, width: int) -> Line:
    changes = f"   changes {view.info.changes}" if view.info.changes not in ("", "-") else ""
    line: Line = [
        ("● ", "run-0"), (view.name, "strong"), (f"   {view.short_id}{_seed(view)}", "dim"),
        (f"   epoch {view.done_epochs} of {counted(view.planned_epochs, 'epoch')}{changes}", "dim"),
    ]  # fmt: skip
    return clip(line, width)


def _seed(view: RunView) -> str:
    """The seed, or the program that an imported run comes from, whose seed is none of ours."""
    return f"   imported ({view.info.layout})" if view.info.layout else f"   seed {view.info.seed}"


def _glyphs(settings: Settings) -> Glyphs:
    """The chosen glyphs, as far as stdout can show them."""
    able = output.glyphs()
    chosen = next((name for name in ("braille", "block", "ascii") if name == settings.glyphs), glyphs_of_terminal())
    return able if able == "ascii" else chosen


def _segments(line: Line, palette: Palette, glyphs: Glyphs) -> list[Segment]:
    shown = to_ascii if glyphs == "ascii" else str
    return [Segment(shown(text), _style(role, palette)) for text, role in line]


def _style(role: str, palette: Palette) -> Style:
    """The style of a role on the terminal's own background."""
    found = [looks(palette)[name] for name in role.split()]
    styles = [Style(color=_color(look.color), bold=look.bold or None) for look in found]
    return Style.combine([Style.null(), *styles])


def _color(index: int) -> Color | None:
    return Color.from_ansi(index) if index >= 0 else None
