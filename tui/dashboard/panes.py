"""The panes of the Dashboard: which cells each gets, and what it draws."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine.analysis.standing import Standing
from engine.contract.run.status import Status
from tui.dashboard import panels
from tui.dashboard.classes import class_names, class_rows, evaluated_by_class
from tui.dashboard.curves import accuracy_curves, aligned, lower_curves, rate_curve
from tui.dashboard.layout import layout
from tui.dashboard.log import log_lines
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.chart_pane import chart_pane
from tui.drawing.gpu_panel import gpu_panel
from tui.drawing.lines import Drawing, Line
from tui.drawing.log_tail import log_tail
from tui.drawing.per_class import per_class, worst_confusion
from tui.drawing.status_line import OtherRun, also_running, status_lines
from tui.widgets.pane import Pane

NEWEST_LINES: Final = 40
"""How many log lines are prepared; the pane shows as many as fit."""
_BESIDE: Final = ("#lower", "#classes", "#rate", "#gpu", "#log", "#below")
"""The panes that a zoomed plot replaces."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the panes show."""

    view: RunView
    state: Status
    base: RunView | None = None
    """The baseline run, as far as it has been read."""
    siblings: Sequence[Standing] = ()
    """Runs of the baseline's recipe, for the spread over its seeds."""
    rates: Sequence[float] = ()
    """The learning rate over the whole run; empty if unknown."""
    others: Sequence[OtherRun] = ()
    options: Options = field(default_factory=Options)
    zoom: Literal["", "accuracy", "lower"] = ""


class Panes(Vertical):
    """All panes. `divide` assigns their cells, `draw` paints them; each repaints only the rows that changed."""

    DEFAULT_CSS = """
    Panes {
        height: auto;
        #body, #left, #right { height: auto; }
        #left { margin-right: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._division = layout(80, 24, 0)

    def compose(self) -> ComposeResult:
        yield Pane(id="status")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Pane(id="accuracy")
                yield Pane(id="lower")
            with Vertical(id="right"):
                yield Pane(id="classes")
                yield Pane(id="rate")
                yield Pane(id="gpu")
        yield Pane(id="log")
        yield Pane(id="below")

    def divide(self, classes: int, zoom: str) -> None:
        """Divide the screen at its current size."""
        width, height = self.app.size
        self._division = chosen = layout(width, height, classes)
        sizes = {
            "#status": (width, 2),
            "#accuracy": (width, height - 4) if zoom else (chosen.left, chosen.accuracy),
            "#lower": (chosen.left, chosen.loss),
            "#classes": (chosen.right, chosen.per_class),
            "#rate": (chosen.right, chosen.rate),
            "#gpu": (chosen.right, chosen.gpu),
            "#log": (width, chosen.log),
            "#below": (width, chosen.below),
        }
        for name, (columns, rows) in sizes.items():
            pane = self.query_one(name, Pane)
            pane.display = rows > 0 and not (zoom and name in _BESIDE)
            pane.styles.width, pane.styles.height = columns, max(rows, 1)
        self.query_one("#left").styles.width = width if zoom else chosen.left
        self.query_one("#right").styles.width = chosen.right
        self.query_one("#right").display = not zoom

    def show_message(self, text: str) -> None:
        """Show a message instead of a run."""
        self._paint("#status", lambda width, height: [[], [(f" {text}", "dim")]])

    def draw(self, scene: Scene) -> None:
        """Paint all panes."""
        view, chosen = scene.view, self._division
        self.draw_status(scene)
        if scene.zoom:
            self._paint("#accuracy", partial(self._zoomed, scene))
            return
        self._draw_curves(scene)
        tested = evaluated_by_class(view.history)[:1]
        note = worst_confusion(tested[0].confused, class_names(view.history)) if tested else ""
        self._paint("#classes", partial(per_class, class_rows(view, scene.base), note, empty=view.no_test))
        self._paint("#gpu", partial(_devices, view))
        if chosen.rate:
            self._paint("#rate", partial(self._rate, scene))
        note = "" if chosen.below else panels.short_health(view)
        self._paint("#log", partial(log_tail, log_lines(view.history, NEWEST_LINES), note))
        if chosen.below:
            self._paint("#below", partial(_below, scene))

    def draw_status(self, scene: Scene) -> None:
        """Paint only the two status lines: their ages change even if nothing happens."""
        now = time.time()
        head = panels.headline(scene.view, scene.state, now)
        self._paint("#status", partial(status_lines, head, panels.progress(scene.view, scene.state, now)))

    def _paint(self, name: str, drawing: Drawing) -> None:
        self.query_one(name, Pane).paint(drawing)

    def _frame(self, width: int, height: int, x_axis: bool = True) -> Frame:
        return Frame(width, height - 1, self.query_one("#accuracy", Pane).glyphs, x_axis)

    def _draw_curves(self, scene: Scene) -> None:
        chosen = self._division
        upper = self._frame(chosen.left, chosen.accuracy, chosen.accuracy_axis)
        lower = self._frame(chosen.left, chosen.loss)
        above = accuracy_curves(scene.view, scene.base, scene.options, upper)
        pair = aligned(above, lower_curves(scene.view, scene.options, lower))
        for name, values in zip(("#accuracy", "#lower"), pair, strict=True):
            self._paint(name, partial(chart_pane, values))

    def _zoomed(self, scene: Scene, width: int, height: int) -> list[Line]:
        frame = self._frame(width, height)
        if scene.zoom == "accuracy":
            return chart_pane(accuracy_curves(scene.view, scene.base, scene.options, frame), width, height)
        return chart_pane(lower_curves(scene.view, scene.options, frame), width, height)

    def _rate(self, scene: Scene, width: int, height: int) -> list[Line]:
        return chart_pane(rate_curve(scene.view, scene.rates, self._frame(width, height)), width, height)


def _devices(view: RunView, width: int, height: int) -> list[Line]:
    return gpu_panel(panels.machine(view, width - 15), panels.footnote(view), width, height)


def _below(scene: Scene, width: int, height: int) -> list[Line]:
    health = panels.health(scene.view, scene.base, scene.siblings, width)
    return [health, also_running(scene.others, width)]
