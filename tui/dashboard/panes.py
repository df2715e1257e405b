"""The panes of the Dashboard: which cells each gets, and what it draws."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tui.dashboard import panels
from tui.dashboard.classes import class_rows, worst_mistake
from tui.dashboard.curves import accuracy_curves, aligned, lower_curves, rate_curve
from tui.dashboard.health import health_line, health_pane, health_table
from tui.dashboard.layout import AIRY, GAP, WIDE, PaneSizes, layout
from tui.dashboard.log import log_lines
from tui.dashboard.options import Frame, Options
from tui.dashboard.positions import x_axis_for
from tui.dashboard.scene import Scene
from tui.dashboard.third import METRICS_ALONE, metrics_alone, second_machine, second_run
from tui.dashboard.view import RunView
from tui.drawing.also_running import also_running
from tui.drawing.chart_pane import chart_pane
from tui.drawing.gpu_panel import gpu_panel, history_cells
from tui.drawing.lines import Drawing, Line, nothing
from tui.drawing.log_tail import LogLine, log_tail
from tui.drawing.per_class import per_class
from tui.drawing.ranges import Ranges
from tui.drawing.runs_here import runs_here
from tui.drawing.status_line import status_lines
from tui.drawing.strip import samples
from tui.widgets.pane import Pane

NEWEST_LINES: Final = 40
"""How many log lines are prepared; the pane shows as many as fit."""
_BESIDE: Final = (
    "#lower",
    "#classes",
    "#rate",
    "#gpu",
    "#health",
    "#here",
    "#second",
    "#machine",
    "#log",
    "#log-2",
    "#below",
)
"""The panes that a zoomed plot replaces."""
_LOG_WIDTH: Final = 80
"""Cells that a line of the log fits into."""


class Panes(Vertical):
    """All panes. `divide` assigns their cells, `draw` paints them; each repaints only the rows that changed."""

    DEFAULT_CSS = """
    Panes {
        height: auto;
        #body, #plots, #facts, #beside, #logs { height: auto; }
        #plots, #facts { margin-right: 2; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._division = layout(80, 24, 0)
        self._ranges = Ranges()

    @property
    def division(self) -> PaneSizes:
        """How the screen is divided."""
        return self._division

    def compose(self) -> ComposeResult:
        yield Pane(id="status")
        with Horizontal(id="body"):
            with Vertical(id="plots"):
                yield Pane(id="accuracy")
                yield Pane(id="lower")
            with Vertical(id="facts"):
                yield Pane(id="classes")
                yield Pane(id="rate")
                yield Pane(id="gpu")
                yield Pane(id="health")
            with Vertical(id="beside"):
                yield Pane(id="here")
                yield Pane(id="second")
                yield Pane(id="machine")
        with Horizontal(id="logs"):
            yield Pane(id="log")
            yield Pane(id="log-2")
        yield Pane(id="below")

    def divide(self, classes: int, zoom: str, runs: int = 0) -> None:
        """Divide the screen at its current size."""
        width, height = self.app.size
        self._division = chosen = layout(width, height, classes, runs)
        first_log = max(chosen.left + GAP, min(_LOG_WIDTH, width // 2)) if chosen.third else width
        sizes = {
            "#status": (width, 2),
            "#accuracy": (width, height - 4) if zoom else (chosen.left, chosen.accuracy),
            "#lower": (chosen.left, chosen.loss),
            "#classes": (chosen.right, chosen.per_class),
            "#rate": (chosen.right, chosen.rate),
            "#gpu": (chosen.right, chosen.gpu),
            "#health": (chosen.right, chosen.health),
            "#here": (chosen.third, chosen.here),
            "#second": (chosen.third, chosen.second),
            "#machine": (chosen.third, chosen.machine),
            "#log": (first_log, chosen.log),
            "#log-2": (width - first_log, chosen.log),
            "#below": (width, chosen.below),
        }
        for name, (columns, rows) in sizes.items():
            pane = self.query_one(name, Pane)
            pane.display = rows > 0 and columns > 0 and not (zoom and name in _BESIDE)
            pane.styles.width, pane.styles.height = max(columns, 1), max(rows, 1)
        for name, columns in (("#plots", chosen.left), ("#facts", chosen.right), ("#beside", chosen.third)):
            column = self.query_one(name)
            column.styles.width = width if zoom and name == "#plots" else max(columns, 1)
            column.display = columns > 0 and not (zoom and name != "#plots")
        self.query_one("#plots").styles.margin = (0, 0 if zoom else GAP, 0, 0)
        self.query_one("#facts").styles.margin = (0, GAP if chosen.third else 0, 0, 0)

    def show_message(self, text: str) -> None:
        """Show a message instead of a run."""
        self._paint("#status", lambda width, height: [[], [(f" {text}", "dim")]])

    # --- drawing ----------------------------------------------------------------------------------------------

    def draw(self, scene: Scene) -> None:
        """Paint all panes whose data have changed."""
        view, chosen = scene.view, self._division
        self.draw_status(scene)
        if scene.zoom:
            self._paint("#accuracy", partial(self._zoomed, scene))
            return
        self._draw_curves(scene)
        rows, note = class_rows(view, scene.base), worst_mistake(view.history)
        classes = partial(per_class, rows, note, empty=view.no_test)
        self._paint("#classes", lambda width, height: classes(width - 1, height), (*rows, note))
        self._paint("#gpu", partial(self._devices, scene), (*_version(view), scene.options.every_gpu))
        if chosen.rate:
            self._paint("#rate", partial(self._rate, scene), (*_version(view), scene.look, len(scene.rates)))
        if chosen.health:
            health = health_table(view, scene.base, scene.siblings)
            self._paint("#health", lambda width, _: health_pane(health, width - 1))
        self._paint("#log", partial(log_tail, self._log_lines(view, "#log"), panels.footnotes(view)))
        if chosen.third:
            self._draw_third(scene)
        if chosen.below:
            self._paint("#below", partial(_below, scene))

    def draw_status(self, scene: Scene) -> None:
        """Paint only the two status lines: their ages change even if nothing happens."""
        now = time.time()
        head = panels.headline(scene.view, scene.state, now, scene.look)
        self._paint("#status", partial(status_lines, head, panels.progress(scene.view, scene.state, now)))

    def _paint(self, name: str, drawing: Drawing, shown: Hashable = None) -> None:
        """Paint a pane, unless it shows the same already: see `Pane.paint`."""
        self.query_one(name, Pane).paint(drawing, None if shown is None else (shown, self._division))

    def _frame(self, width: int, height: int, x_axis: bool = True) -> Frame:
        glyphs = self.query_one("#accuracy", Pane).glyphs
        return Frame(width, height - 1, glyphs, x_axis, color=not self.app.no_color)

    def _draw_curves(self, scene: Scene) -> None:
        of_base = _of_curves(scene.base, scene.options) if scene.base else ()
        shown = (_of_curves(scene.view, scene.options), of_base, scene.options, scene.look)
        if self.query_one("#accuracy", Pane).shows((shown, self._division)):
            return
        chosen, look = self._division, scene.look
        air = 1 if self.app.size.height >= AIRY else 0
        upper = self._frame(chosen.left, chosen.accuracy - air, chosen.accuracy_axis)
        lower = self._frame(chosen.left, chosen.loss)
        above = accuracy_curves(scene.view, scene.base, scene.options, upper, look, self._ranges)
        below = lower_curves(scene.view, scene.options, lower, look, self._ranges, scene.base)
        styles = aligned(above, below, (upper, lower))
        self._paint("#accuracy", lambda width, height: chart_pane(above, styles[0], width, height - air), shown)
        self._paint("#lower", partial(chart_pane, below, styles[1]), shown)

    def _log_lines(self, view: RunView, pane: str) -> list[LogLine]:
        return log_lines(view.history, NEWEST_LINES, wide=self.query_one(pane).size.width >= WIDE)

    def _zoomed(self, scene: Scene, width: int, height: int) -> list[Line]:
        frame = self._frame(width, height)
        if scene.zoom == "accuracy":
            chart = accuracy_curves(scene.view, scene.base, scene.options, frame, scene.look, self._ranges)
        else:
            chart = lower_curves(scene.view, scene.options, frame, scene.look, self._ranges, scene.base)
        return chart_pane(chart, frame.style(), width, height)

    def _rate(self, scene: Scene, width: int, height: int) -> list[Line]:
        frame = self._frame(width, height)
        style = replace(frame.style(), gutter=0)
        return chart_pane(rate_curve(scene.view, scene.rates, scene.look, height - 2), style, width - 1, height)

    def _devices(self, scene: Scene, width: int, height: int) -> list[Line]:
        glyphs = self.query_one("#gpu", Pane).glyphs
        machine = panels.machine(scene.view, samples(history_cells(width - 1), glyphs))
        return gpu_panel(machine, width - 1, height, glyphs, every=scene.options.every_gpu)

    # --- the third column -------------------------------------------------------------------------------------

    def _draw_third(self, scene: Scene) -> None:
        self._paint("#here", lambda width, height: runs_here(scene.here, width - 1, height))
        second, chosen = scene.second, self._division
        if second is None:
            frame = self._frame(chosen.third - 1, chosen.second // METRICS_ALONE)
            drawing = partial(metrics_alone, scene, frame, self._ranges)
            self._paint("#second", drawing, (*_version(scene.view), scene.options))
            self._paint("#machine", nothing)
            older = self._log_lines(scene.view, "#log-2")[: 1 - chosen.log]
            self._paint("#log-2", lambda width, height: log_tail(older, "", width, height, ("", "")))
            return
        version = (*_version(second.view), second.look)
        curves = (*_of_curves(second.view, scene.options), second.look, scene.options)
        frame = self._frame(chosen.third - 1, chosen.second)
        self._paint("#second", partial(second_run, second, scene.options, frame, self._ranges), curves)
        self._paint("#machine", partial(second_machine, second.view, frame.glyphs), version)
        lines = self._log_lines(second.view, "#log-2")
        self._paint(
            "#log-2", lambda width, height: log_tail(lines, "", width, height, (second.look.mark, second.look.role))
        )


def _version(view: RunView) -> tuple[Hashable, ...]:
    """Changes with each event that is read."""
    return id(view), view.history.version, view.history.partial


def _of_curves(view: RunView, options: Options) -> tuple[Hashable, ...]:
    """Changes when the curves do: by epoch, mostly, while steps and samples arrive in between."""
    epochs = view.history.epochs
    if options.x != "epoch" or not epochs:
        return _version(view)
    return id(view), view.history.partial, len(epochs), epochs[-1].t, x_axis_for(view, options), view.learning_rate


def _below(scene: Scene, width: int, height: int) -> list[Line]:
    health = health_table(scene.view, scene.base, scene.siblings)
    return [health_line(health, width), also_running(scene.others, width)][:height]
