"""The table of Suites: a published table beside what our runs have measured. `Suites` adds the keys that start runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from textual import work
from textual.app import ComposeResult
from textual.events import Resize, ScreenResume

from engine.analysis.report import Reproduction
from engine.contract.errors import BadInput
from engine.contract.text import clean, one_line
from presets import suites
from presets.suites import Row
from tui.dashboard.layout import AIRY
from tui.drawing.lines import Line, heading, hints, wrap
from tui.drawing.suite_table import describe_row, measured_table
from tui.drawing.typeset import Table
from tui.keys.common import GLOBAL
from tui.keys.key import footer
from tui.keys.suites import KEYS
from tui.screens.results_filter import FilterLine
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
        self._sort, self._reverse = "published", False
        self._reading = 0
        """Number of the latest reading: an earlier one that ends later is not shown."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="heading")
        yield FilterLine()
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
            self._state = SuiteState(name, self.workbench.workspace.catalog, parse_shrink(shrink))
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
        measured = state.measured(self.workbench.workspace.summaries())
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
        shown = self._shown()
        rows, measured = [state.rows[i] for i in shown], [self._measured[i] for i in shown]
        return measured_table(state.suite, rows, measured, str(state.shrink), self.size.width - 4)

    def _shown(self) -> list[int]:
        """The places of the rows that match the filter, in the chosen order."""
        rows = self._state.rows if self._state else ()
        words = self.query_one(FilterLine).text.lower().split()
        found = [i for i, row in enumerate(rows) if all(word in _text_of(row) for word in words)]
        if self._sort != "published" and self._measured:
            figure = SORTS[self._sort][1]
            found.sort(key=lambda i: figure(rows[i], self._measured[i]), reverse=True)
        return found[::-1] if self._reverse else found

    def _show(self) -> None:
        state = self._state
        rows, line = self.query_one(SuiteRows), self.query_one(FilterLine)
        if state is not None:
            line.show(f"{len(self._shown())} of {len(state.rows)} rows", 0, invalid=False)
        self.query_one(KeyLine).set_typing(line.is_typing)
        rows.show(self._table(), state.marked if state else set())
        if state is not None:
            title = f"{state.name}, {state.shrink}" if state.shrink else f"{state.name}: {state.suite.title}"
            order = f"by {SORTS[self._sort][0]}" if self._sort != "published" else "as published"
            order += ", reversed" if self._reverse else ""
            head = heading(one_line(title), self.size.width - 1, [hints([("s", order)])])
            self.query_one("#heading", LineView).show([head])
        self.query_one("#heads", LineView).show([rows.heads()])
        self._show_detail()

    def _show_detail(self) -> None:
        row, lines = self._row_at_cursor(), list[Line]()
        if self.size.height >= AIRY:
            lines.append([])
        if row is not None and self._state is not None and self._measured:
            at = self._state.rows.index(row)
            first, *rest = describe_row(row, self._measured[at], self._state.changed(row))
            width = self.size.width - 1
            lines.append(heading(row.id, width, [LEGEND]))
            lines += [[(f" {line}", "")] for line in wrap(clean(first), width - 2)]
            lines += [[(f" {line}", "dim")] for note in rest for line in wrap(clean(note), width - 2)]
        self.query_one("#suite-row", LineView).show(lines[:DETAIL_LINES])

    def _row_at_cursor(self) -> Row | None:
        """The row under the cursor."""
        shown, at = self._shown(), self.query_one(SuiteRows).cursor
        return self._state.rows[shown[at]] if self._state and at < len(shown) else None


def _text_of(row: Row) -> str:
    """What the filter searches."""
    return f"{row.id} {row.title} {row.note}".lower()


def _least(value: float | None) -> float:
    """The value, or minus infinity if there is none, so that rows without one come last."""
    return -math.inf if value is None or math.isnan(value) else value


SORTS: Final[dict[str, tuple[str, Callable[[Row, Reproduction], float]]]] = {
    "published": ("the published order", lambda row, found: 0.0),
    "reported": ("reported accuracy", lambda row, found: _least(row.reported.test_accuracy)),
    "measured": ("measured accuracy", lambda row, found: _least(found.measured.mean)),
    "difference": ("difference", lambda row, found: _least(found.difference)),
    "runs": ("number of runs", lambda row, found: float(found.measured.n)),
}
"""By name: what `s` offers, and the figure; the largest comes first."""


def first_problems(error: BadInput) -> str:
    """The first problems of an error, short enough for a toast."""
    more = [f"and {len(error.problems) - MAX_PROBLEMS} more"] if len(error.problems) > MAX_PROBLEMS else []
    return "; ".join([*error.problems[:MAX_PROBLEMS], *more])
