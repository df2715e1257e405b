"""Compare: the curves of the marked runs, their difference from a baseline, and where their recipes differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize, ScreenResume

from engine.analysis import compare
from engine.contract.run.store import RunFolder
from tui.dashboard.options import Frame
from tui.dashboard.positions import epoch_positions, x_axis_for, x_name
from tui.dashboard.view import RunView
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, Series
from tui.drawing.compare_table import TableLine, draw_line, table_lines
from tui.drawing.format import number, percent
from tui.drawing.lines import Line, hints
from tui.drawing.marks import faint_role_of, mark_of, role_of
from tui.drawing.palette import SLOTS
from tui.drawing.ranges import fit_accuracy, fit_values, settle, visible
from tui.keys.common import bindings
from tui.keys.compare import KEYS
from tui.screens.plot_keys import PlotKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineList
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

TICK_SECONDS: Final = 1.0
_NO_RUNS: Final = "mark runs with space on Results (2), then press v"


class ComparisonTable(LineList):
    """The lines of the comparison, with a cursor."""

    def __init__(self) -> None:
        super().__init__(id="table")
        self.lines: list[TableLine] = []
        self.baseline = ""
        self.marks: list[tuple[str, str]] = []

    def row_count(self) -> int:
        return len(self.lines)

    def can_stand(self, row: int) -> bool:
        return self.lines[row].kind not in ("heading", "columns")

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        return draw_line(self.lines[row], self.baseline, width, at_cursor, self.marks)

    def set_lines(self, lines: Sequence[TableLine], baseline: str, marks: Sequence[tuple[str, str]] = ()) -> None:
        """Show another table; the cursor keeps its line number."""
        if (list(lines), baseline, list(marks)) != (self.lines, self.baseline, self.marks):
            self.lines, self.baseline, self.marks = list(lines), baseline, list(marks)
            self.reload()


class Compare(PlotKeys):
    """The marked runs side by side."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#table"
    DEFAULT_CSS = """
    Compare {
        #table { height: 1fr; }
        #overlay { padding-right: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[RunFolder, RunView] = {}
        self._loss = False
        self._zoomed = False
        self._options = replace(self._options, smooth=0.85)

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Pane(id="overlay")
        yield ComparisonTable()
        yield KeyLine(self._pairs())

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._arrange()
        self._load()
        self.call_after_refresh(self._draw)

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        self.call_after_refresh(self._draw)

    def runs_changed(self) -> None:
        """Load runs that are new here; the next tick reads what the others wrote."""
        self._load()

    # --- reading ----------------------------------------------------------------------------------------------

    def _runs(self) -> list[RunFolder]:
        """The marked runs in the order of their marks, or else the selected run; and always the baseline."""
        session = self.workbench.session
        runs = list(session.marked) or ([session.selected] if session.selected else [])
        if session.baseline is not None and session.baseline not in runs:
            runs.append(session.baseline)
        return runs

    def _load(self) -> None:
        missing = [run for run in self._runs() if run not in self._views]
        if missing:
            self._read(missing)

    @work(thread=True, group="compare", exit_on_error=False)
    def _read(self, runs: Sequence[RunFolder]) -> None:
        for run in runs:
            view = RunView(run)
            view.poll()
            self.app.call_from_thread(self._add_view, view)

    def _add_view(self, view: RunView) -> None:
        self._views[view.run] = view
        self._draw()

    def _tick(self) -> None:
        if not self.is_current:
            return
        news = [view.poll() for run, view in self._views.items() if run in self._runs()]
        if any(news):
            self._draw()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        width, height = self.app.size
        overlay = self.query_one("#overlay", Pane)
        overlay.styles.width = width
        overlay.styles.height = height - 2 if self._zoomed else max(round((height - 2) * 0.45), 8)
        self.query_one(ComparisonTable).display = not self._zoomed

    def _shown_views(self) -> list[RunView]:
        return [self._views[run] for run in self._runs() if run in self._views]

    def _slotted(self, views: Sequence[RunView]) -> list[tuple[RunView, int | None]]:
        """The runs with their slots."""
        return list(zip(views, self.workbench.session.slots_of([view.run for view in views]), strict=True))

    def _draw(self) -> None:
        views = self._shown_views()
        pane = self.query_one("#overlay", Pane)
        if not views:
            pane.paint(lambda width, height: [[], [(f" {_NO_RUNS}", "dim")]])
            self.query_one(ComparisonTable).set_lines([], "")
            return
        pane.paint(self._overlay)
        session = self.workbench.session
        baseline = session.baseline.id if session.baseline else ""
        rows = compare.table([view.standing() for view in views], baseline)
        recipes = [view.recipe for view in views if view.recipe is not None]
        unreadable = [f"{view.short_id}: its recipe cannot be read" for view in views if view.recipe is None]
        differences = compare.differences(recipes) if not unreadable else []
        lines = table_lines(rows, compare.groups(rows), differences, unreadable)
        marks = [(mark_of(slot, view.run.id), role_of(slot)) for view, slot in self._slotted(views)]
        self.query_one(ComparisonTable).set_lines(lines, baseline, marks)

    def _overlay(self, width: int, height: int) -> list[Line]:
        views, options = self._shown_views(), self._options
        frame = Frame(width, height - 1, self.query_one("#overlay", Pane).glyphs, color=not self.app.no_color)
        drawn = self._slotted(views)[:SLOTS]
        series = [self._series(view, slot) for view, slot in reversed(drawn)]
        furthest = max(views, key=lambda view: view.progress_epochs)
        x = x_axis_for(furthest, options)
        values = [visible(one.points, x, last_half=True) for one in series]
        if self._loss:
            y, title = settle(fit_values(values, scale=options.loss_scale)), "test loss"
        else:
            y, title = settle(fit_accuracy(values, scale=options.accuracy_scale)), "test accuracy %"
        left_out = f"   first {len(drawn)} of {len(views)} drawn" if len(drawn) < len(views) else ""
        keys = hints([("a", y.scale), ("x", options.x), ("w", f"smooth {options.smooth:g}")])
        long: Line = [*keys, (f"   y fits last half{left_out}", "dim")]
        empty = "" if any(len(value) for value in values) else furthest.no_test
        chart = Chart(title, tuple(series), x, y, x_name(options), rights=(long,), empty=empty)
        return chart_pane(chart, frame.style(), width, height)

    def _series(self, view: RunView, slot: int | None) -> Series:
        xs = epoch_positions(view, self._options)
        ys = view.history.epoch("test_loss") if self._loss else 100 * view.history.epoch("test_accuracy")
        tested = ys[np.isfinite(ys)]
        last = float(tested[-1]) if len(tested) else math.nan
        value = number(last) if self._loss else percent(last / 100)
        return Series(
            view.short_id, xs, ys, (value,), role_of(slot), mark_of(slot, view.run.id), faint=faint_role_of(slot),
            weight=self._options.smooth, slot=slot or 0,
        )  # fmt: skip

    # --- keys -------------------------------------------------------------------------------------------------

    def _last_epoch(self) -> int:
        return max((view.done_epochs for view in self._shown_views()), default=0)

    def action_metric(self) -> None:
        self._loss = not self._loss
        self._draw()

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._arrange()
        if not self._zoomed:
            self.query_one(ComparisonTable).focus()  # a hidden widget loses the focus
        self.call_after_refresh(self._draw)

    def _run_at_cursor(self) -> RunFolder | None:
        """The run under the cursor."""
        table = self.query_one(ComparisonTable)
        line = table.lines[table.cursor] if table.cursor < len(table.lines) else None
        shown = self._shown_views()
        return shown[line.run].run if line is not None and 0 <= line.run < len(shown) else None

    def action_baseline(self) -> None:
        session, run = self.workbench.session, self._run_at_cursor()
        if run is not None:
            session.baseline = None if session.baseline == run else run
            self._draw()

    def action_mark(self) -> None:
        session, run = self.workbench.session, self._run_at_cursor()
        if run is not None and run in session.marked:
            session.toggle_mark(run)
            self._draw()

    def action_inspect(self) -> None:
        if run := self._run_at_cursor():
            self.workbench.session.selected = run
            self.workbench.visit("inspect")

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        run = self._run_at_cursor()
        if run is not None:
            self.workbench.open_run(run)

    def action_copy(self) -> None:
        base = self.workbench.session.baseline  # the command compares with the run named first
        ids = " ".join(run.id for run in sorted(self._runs(), key=lambda run: run != base))
        if ids:
            self.workbench.copy(f"cifar-tui runs compare {ids}", "command")
