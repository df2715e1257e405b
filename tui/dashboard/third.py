"""The third column from 160 columns on: another run, or more curves of the only one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.dashboard import panels
from tui.dashboard.curves import accuracy_curves, lower_curves
from tui.dashboard.options import Frame, Metric, Options
from tui.dashboard.scene import Scene, Second
from tui.dashboard.view import RunView
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart
from tui.drawing.format import Glyphs
from tui.drawing.gpu_panel import history_cells, use_and_memory
from tui.drawing.lines import Line
from tui.drawing.ranges import Ranges
from tui.drawing.strip import samples

_ALONE: Final[tuple[Metric, ...]] = ("images/s", "gradient norm")
"""What stands in place of a second run where there is none."""
METRICS_ALONE: Final = len(_ALONE)
_GUTTER: Final = 11


def second_chart(second: Second, options: Options, frame: Frame, ranges: Ranges | None = None) -> Chart:
    """The accuracy of another run on its whole range."""
    view = second.view
    plain = replace(options, cursor=0, zoom=0, x_range="whole")
    chart = accuracy_curves(view, None, plain, frame, second.look, ranges)
    title: Line = [(f"{second.look.mark} {view.short_id}", second.look.role), (f"  {view.name}", "strong")]
    right = f"{panels.device_word(view)}{view.done_epochs}/{view.planned_epochs}"
    return replace(chart, title=title, rights=(right,))


def second_run(second: Second, options: Options, frame: Frame, ranges: Ranges, width: int, height: int) -> list[Line]:
    """That chart in a pane."""
    style = replace(frame.style(), gutter=_GUTTER)
    return chart_pane(second_chart(second, options, frame, ranges), style, width - 1, height)


def second_machine(view: RunView, glyphs: Glyphs, width: int, height: int) -> list[Line]:
    """The use and the memory of the device of another run."""
    machine = panels.machine(view, samples(history_cells(width - 1), glyphs))
    return use_and_memory(machine, width - 1, glyphs)[:height]


def metrics_alone(scene: Scene, frame: Frame, ranges: Ranges, width: int, height: int) -> list[Line]:
    """Speed and gradient norm of the run."""
    lines: list[Line] = []
    each = height // METRICS_ALONE
    for metric in _ALONE:
        options = replace(scene.options, metric=metric)
        chart = lower_curves(scene.view, options, frame, scene.look, ranges)
        style = replace(frame.style(), gutter=_GUTTER)
        lines += chart_pane(replace(chart, rights=()), style, width - 1, each)
    return lines
