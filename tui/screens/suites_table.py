"""The table of Suites: a published table beside what our runs have measured. `Suites` adds the keys that start runs."""

from __future__ import annotations

from typing import Final

from textual import work
from textual.app import ComposeResult
from textual.events import Resize, ScreenResume

from engine.analysis.report import Reproduction
from engine.contract.errors import BadInput
from engine.contract.text import clean, one_line
from presets import suites
from presets.suites import Row
from tui.drawing.lines import Line, heading, wrap
from tui.drawing.suite_table import describe_row, measured_table
from tui.drawing.typeset import Table
from tui.keys.common import GLOBAL
from tui.keys.key import footer
from tui.keys.suites import KEYS
from tui.screens.run_actions import RunActions
from tui.screens.suites_state import SuiteState, parse_shrink
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.suite_rows import SuiteRows
from tui.widgets.top_bar import TopBar

DETAIL_LINES: Final = 8  # as app.tcss has it
LEGEND: Final = "* best on test   ? epoch not reported   Δ in points"
MAX_PROBLEMS: Final = 3  # in a toast


class SuiteTable(RunActions):
    """One suite at a time: its rows, and the details of the row under the cursor."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._suite = name or next(info.name for info in suites.list_suites())
        self._state: SuiteState | None = None
        self._measured: list[Reproduction] = []
        self._reading = 0
        """Number of the latest reading: an earlier one that ends later is not shown."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="heading")
        yield LineView(id="heads")
        yield SuiteRows()
        yield LineView(id="suite-row")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def on_mount(self) -> None:
        self._open(self._suite)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._read()

    def runs_changed(self) -> None:
        """Measure again after runs have started or ended."""
        self._read()

    def on_resize(self, event: Resize) -> None:
        self._show()

    def on_line_list_moved(self) -> None:
        self._show_detail()

    # --- reading ----------------------------------------------------------------------------------------------

    def _open(self, name: str, shrink: str = "") -> None:
        """Show another suite, or the same one with runs of another size (`shrink` as `parse_shrink` reads it)."""
        try:
            self._state = SuiteState(name, self.workbench.session.catalog, parse_shrink(shrink))
        except BadInput as error:
            self.say(first_problems(error), bad=True)
            return
        self._suite, self._measured = name, []
        self.query_one(SuiteRows).cursor = 0
        self._read()

    def _read(self) -> None:
        if self._state is not None:
            self._reading += 1
            self._measure(self._state, self._reading)

    @work(thread=True, group="suite", exit_on_error=False)
    def _measure(self, state: SuiteState, reading: int) -> None:
        measured = state.measured(self.workbench.session.summaries())
        self.app.call_from_thread(self._show_measured, measured, reading)

    def _show_measured(self, measured: list[Reproduction], reading: int) -> None:
        if reading == self._reading:
            self._measured = measured
            self._show()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _table(self) -> Table | None:
        if self._state is None or not self._measured:
            return None
        state = self._state
        return measured_table(state.suite, state.rows, self._measured, str(state.shrink), self.size.width - 4)

    def _show(self) -> None:
        state = self._state
        rows = self.query_one(SuiteRows)
        rows.show(self._table(), state.marked if state else set())
        if state is not None:
            title = f"{state.name}, {state.shrink}" if state.shrink else f"{state.name}: {state.suite.title}"
            head = heading(one_line(title), self.size.width - 1, [f"{len(state.rows)} rows"])
            self.query_one("#heading", LineView).show([head])
        self.query_one("#heads", LineView).show([rows.heads()])
        self._show_detail()

    def _show_detail(self) -> None:
        row, lines = self._row_at_cursor(), list[Line]()
        if row is not None and self._state is not None and self._measured:
            at = self._state.rows.index(row)
            first, *rest = describe_row(row, self._measured[at], self._state.changed(row))
            width = self.size.width - 1
            lines = [heading(row.id, width, [LEGEND]), *([(f" {line}", "")] for line in wrap(clean(first), width - 2))]
            lines += [[(f" {line}", "dim")] for note in rest for line in wrap(clean(note), width - 2)]
        self.query_one("#suite-row", LineView).show(lines[:DETAIL_LINES])

    def _row_at_cursor(self) -> Row | None:
        """The row under the cursor."""
        rows = self._state.rows if self._state else ()
        at = self.query_one(SuiteRows).cursor
        return rows[at] if at < len(rows) else None


def first_problems(error: BadInput) -> str:
    """The first problems of an error, short enough for a toast."""
    more = [f"and {len(error.problems) - MAX_PROBLEMS} more"] if len(error.problems) > MAX_PROBLEMS else []
    return "; ".join([*error.problems[:MAX_PROBLEMS], *more])
