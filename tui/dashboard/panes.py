"""All panes of the dashboard: who gets which cells, and what each of them draws."""

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
from tui.dashboard.curves import accuracy_curves, aligned, lower_curves, rate_curve
from tui.dashboard.layout import plan
from tui.dashboard.log import story
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.chart_pane import curves
from tui.drawing.gpu_panel import gpu_panel
from tui.drawing.lines import Drawing, Line
from tui.drawing.log_tail import log_tail
from tui.drawing.per_class import per_class, worst_confusion
from tui.drawing.status_line import Other, also_running, status
from tui.widgets.pane import Pane

NEWEST_LINES: Final = 40
_BESIDE: Final = ("#lower", "#classes", "#rate", "#gpu", "#log", "#below")
"""Everything that a zoomed plot takes the place of."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be seen."""

    view: RunView
    state: Status
    base: RunView | None = None
    """The baseline, as far as it is read."""
    siblings: Sequence[Standing] = ()
    """The runs of the baseline's recipe, for the spread of its seeds."""
    rates: Sequence[float] = ()
    """The learning rate over the whole run, where it is known."""
    others: Sequence[Other] = ()
    options: Options = field(default_factory=Options)
    zoom: Literal["", "accuracy", "lower"] = ""


class Board(Vertical):
    """The panes. `divide` gives them their cells, `draw` paints them; each sends only rows that differ."""

    DEFAULT_CSS = """
    Board {
        height: auto;
        #body, #left, #right { height: auto; }
        #left { margin-right: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._plan = plan(80, 24, 0)

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
        """Divide the screen as it is now."""
        width, height = self.app.size
        self._plan = chosen = plan(width, height, classes)
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

    def say(self, text: str) -> None:
        """Show a sentence instead of a run."""
        self._paint("#status", lambda width, height: [[], [(f" {text}", "dim")]])

    def draw(self, scene: Scene) -> None:
        """Paint everything."""
        view, chosen = scene.view, self._plan
        self.draw_status(scene)
        if scene.zoom:
            self._paint("#accuracy", partial(self._zoomed, scene))
            return
        self._draw_curves(scene)
        judged = view.judged()[:1]
        note = worst_confusion(judged[0].confused, view.classes) if judged else ""
        self._paint("#classes", partial(per_class, view.class_rows(scene.base), note))
        self._paint("#gpu", partial(_devices, view))
        if chosen.rate:
            self._paint("#rate", partial(self._rate, scene))
        note = "" if chosen.below else panels.short_health(view)
        self._paint("#log", partial(log_tail, story(view.history, NEWEST_LINES), note))
        if chosen.below:
            self._paint("#below", partial(_below, scene))

    def draw_status(self, scene: Scene) -> None:
        """Only the two lines that hold ages, which change although nothing happened."""
        now = time.time()
        head = panels.headline(scene.view, scene.state, now)
        self._paint("#status", partial(status, head, panels.progress(scene.view, scene.state, now)))

    def _paint(self, name: str, drawing: Drawing) -> None:
        self.query_one(name, Pane).paint(drawing)

    def _frame(self, width: int, height: int, x_axis: bool = True) -> Frame:
        return Frame(width, height - 1, self.query_one("#accuracy", Pane).glyphs, x_axis)

    def _draw_curves(self, scene: Scene) -> None:
        chosen = self._plan
        upper = self._frame(chosen.left, chosen.accuracy, chosen.accuracy_axis)
        lower = self._frame(chosen.left, chosen.loss)
        above = accuracy_curves(scene.view, scene.base, scene.options, upper)
        pair = aligned(above, lower_curves(scene.view, scene.options, lower))
        for name, values in zip(("#accuracy", "#lower"), pair, strict=True):
            self._paint(name, partial(curves, values))

    def _zoomed(self, scene: Scene, width: int, height: int) -> list[Line]:
        frame = self._frame(width, height)
        if scene.zoom == "accuracy":
            return curves(accuracy_curves(scene.view, scene.base, scene.options, frame), width, height)
        return curves(lower_curves(scene.view, scene.options, frame), width, height)

    def _rate(self, scene: Scene, width: int, height: int) -> list[Line]:
        return curves(rate_curve(scene.view, scene.rates, self._frame(width, height)), width, height)


def _devices(view: RunView, width: int, height: int) -> list[Line]:
    return gpu_panel(panels.machine(view, width - 15), panels.footnote(view), width, height)


def _below(scene: Scene, width: int, height: int) -> list[Line]:
    health = panels.health(scene.view, scene.base, scene.siblings, width)
    return [health, also_running(scene.others, width)]
