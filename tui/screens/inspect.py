"""Inspect: the confusion matrix and the accuracy by class, at the last epoch that was tested by class."""

from __future__ import annotations

import math
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import MouseScrollDown, MouseScrollUp, Resize, ScreenResume

from engine.contract.run.store import RunFolder
from engine.contract.text import one_line
from tui.dashboard.classes import class_names, class_rows, evaluated_by_class
from tui.dashboard.view import RunView
from tui.drawing.confusion import confusion, matrix_of, worst_pairs
from tui.drawing.format import percent
from tui.drawing.lines import Line, heading
from tui.drawing.per_class import ClassRow, per_class
from tui.keys.common import GLOBAL, bindings
from tui.keys.inspect import KEYS
from tui.keys.key import footer
from tui.screens.neighbors import neighbor
from tui.screens.run_keys import SelectedRunKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

TICK_SECONDS: Final = 1.0
WHEEL_LINES: Final = 3
"""How many lines one notch of the wheel scrolls."""


def class_page(view: RunView, width: int, as_percent: bool) -> list[Line]:
    """All lines of the page, however many there are; the screen shows as many as fit."""
    judged = evaluated_by_class(view.history)[:1]
    name = f"{one_line(view.name)} {view.short_id}"
    if not judged:
        missing = view.no_test if view.tested_once else "no test by class yet"
        return [heading(name, width), [], [(f" {missing}", "dim")]]
    epoch, names = judged[0], class_names(view.history)
    rows = class_rows(view)
    right = f"epoch {epoch.epoch} · test {percent(epoch.test_accuracy)} %"
    if len(names) != len(epoch.per_class):
        names = [row.name for row in rows]
    lines = [heading(f"confusion of {name}", width, [right], ""), *_matrix(epoch.confused, names, width, as_percent)]
    ordered = sorted(rows, key=_known_first)
    return [*lines, [], *per_class(ordered, "", width, len(ordered) + 2)]


def _known_first(row: ClassRow) -> float:
    return math.inf if math.isnan(row.accuracy) else row.accuracy


def _matrix(confused: list[int], names: list[str], width: int, as_percent: bool) -> list[Line]:
    matrix = matrix_of(confused, len(names))
    if matrix is None:
        return [[(" the confusion matrix is recorded for up to 20 classes only", "dim")]]
    what = "percent of the true class" if as_percent else "images"
    lines = confusion(matrix, names, width, as_percent=as_percent)
    lines.append([(f" rows: true class; columns: predicted class; {what}", "dim")])
    return [*lines, [], heading("most frequent mistakes", width), *worst_pairs(matrix, names, width)]


class Inspect(SelectedRunKeys):
    """One run, class by class."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._percent = False
        self._top = 0

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Pane(self._picture, id="page")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._choose_run()

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def runs_changed(self) -> None:
        self._choose_run()

    def _choose_run(self) -> None:
        """Show the selected run, or the first one in the list of Results."""
        session = self.workbench.session
        if session.selected is None:
            session.selected = neighbor(session, None, 0)
        if session.selected is not None and (self._view is None or self._view.run != session.selected):
            self._top = 0
            self._read(session.selected)

    @work(thread=True, group="inspect", exclusive=True, exit_on_error=False)
    def _read(self, run: RunFolder) -> None:
        view = RunView(run)
        view.poll()
        self.app.call_from_thread(self._show_view, view)

    def _show_view(self, view: RunView) -> None:
        if view.run == self.workbench.session.selected:
            self._view = view
            self._draw()

    def _tick(self) -> None:
        if self.is_current and self._view is not None and self._view.poll():
            self._draw()

    def _draw(self) -> None:
        self.query_one("#page", Pane).redraw()

    def _picture(self, width: int, height: int) -> list[Line]:
        if self._view is None:
            return [[], [(" no runs yet: 4 opens New run", "dim")]]
        lines = class_page(self._view, width, self._percent)
        self._top = max(min(self._top, len(lines) - height), 0)
        return lines[self._top :]

    def action_numbers(self) -> None:
        self._percent = not self._percent
        self._draw()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.action_scroll(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.action_scroll(-WHEEL_LINES)

    def action_scroll(self, rows: int) -> None:
        self._top += rows
        self._draw()

    def _run(self) -> RunFolder | None:
        """The run that is shown."""
        return self._view.run if self._view is not None else None

    def action_copy(self) -> None:
        if self._view is not None:
            self.workbench.copy(f"cifar-tui open {self._view.run.id}", "command")
