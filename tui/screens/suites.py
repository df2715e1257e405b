"""Suites: a published table with what our runs say of each row; marked rows are queued from here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize, ScreenResume

from engine.analysis.report import Line as Measured
from engine.contract.errors import BadInput, StartFailed
from engine.contract.text import clean, one_line
from engine.launch import control
from presets import suites
from presets.suites import Row
from tui.drawing.lines import Line, rule, wrap
from tui.drawing.suite_table import compared, detail, others
from tui.drawing.typeset import Sheet, markdown
from tui.forms.options import Option
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer
from tui.keys.suites import KEYS
from tui.plans.batch import alone, carry_out, prepare
from tui.plans.cost import cost, room
from tui.plans.draft import parse_seeds
from tui.plans.words import describe
from tui.screens.confirm import Confirm
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt
from tui.screens.run_actions import RunActs, pause
from tui.screens.suites_state import SuiteState, parse_shrink
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.suite_rows import SuiteRows
from tui.widgets.top_bar import TopBar

DETAIL_LINES: Final = 8  # as app.tcss has it
LEGEND: Final = "* best on test   ? not told which epoch   Δ in points"
MAX_PROBLEMS: Final = 3  # in a toast


class Suites(RunActions):
    """One suite at a time."""

    KEYS = KEYS
    KEYS_OF = "suites"
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#suite-rows"

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._suite = name or next(info.name for info in suites.list_suites())
        self._state: SuiteState | None = None
        self._measured: list[Measured] = []
        self._reading = 0
        """Counts readings: an earlier one that ends late must not be shown."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="heading")
        yield LineView(id="heads")
        yield SuiteRows()
        yield LineView(id="suite-row")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    # --- showing ----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._open(self._suite)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._read()

    def runs_changed(self) -> None:
        """A run began or ended."""
        self._read()

    def on_resize(self, event: Resize) -> None:
        self._show()

    def _open(self, name: str, departure: str = "") -> None:
        """Show another suite, or this one with runs of another size."""
        try:
            self._state = SuiteState(name, self.workbench.session.catalog, parse_shrink(departure))
        except BadInput as error:
            self.say(_first_problems(error), bad=True)
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
        found = state.measured(self.workbench.session.summaries())
        self.app.call_from_thread(self._show_measured, found, reading)

    def _show_measured(self, found: list[Measured], reading: int) -> None:
        if reading == self._reading:
            self._measured = found
            self._show()

    def _table(self) -> Sheet | None:
        if self._state is None or not self._measured:
            return None
        state = self._state
        return compared(state.suite, state.rows, self._measured, str(state.departure), self.size.width - 4)

    def _show(self) -> None:
        state = self._state
        rows = self.query_one(SuiteRows)
        rows.show(self._table(), state.marked if state else set())
        if state is not None:
            title = f"{state.name}, {state.departure}" if state.departure else f"{state.name}: {state.suite.title}"
            heading = rule(one_line(title), self.size.width, f"{len(state.rows)} rows")
            self.query_one("#heading", LineView).show([heading])
        self.query_one("#heads", LineView).show([rows.heads()])
        self._show_detail()

    def _show_detail(self) -> None:
        row, lines = self._row_at_cursor(), list[Line]()
        if row is not None and self._state is not None and self._measured:
            at = self._state.rows.index(row)
            first, *rest = detail(row, self._measured[at], self._state.changed(row))
            width = self.size.width
            lines = [rule(row.id, width, LEGEND), *([(f" {line}", "")] for line in wrap(clean(first), width - 2))]
            lines += [[(f" {line}", "dim")] for note in rest for line in wrap(clean(note), width - 2)]
        self.query_one("#suite-row", LineView).show(lines[:DETAIL_LINES])

    def on_line_list_moved(self) -> None:
        self._show_detail()

    def _row_at_cursor(self) -> Row | None:
        """The row under the cursor."""
        rows = self._state.rows if self._state else ()
        at = self.query_one(SuiteRows).cursor
        return rows[at] if at < len(rows) else None

    # --- looking about ----------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        row = self._row_at_cursor()
        if self._state is not None and row is not None:
            self._mark(self._state, self._state.marked ^ {row.id}, f"row {row.id}")
            self.query_one(SuiteRows).action_move(1)

    def action_all(self) -> None:
        if self._state is not None:
            rows = set() if self._state.marked else {row.id for row in self._state.rows}
            self._mark(self._state, rows, f"all rows of {self._state.name}")

    def _mark(self, state: SuiteState, rows: set[str], what: str) -> None:
        """Let just these rows be marked."""
        before = state.marked
        state.mark(rows)
        self.workbench.session.acts.did(f"marks: {what}", lambda: state.mark(before))
        self._show()

    def action_table(self) -> None:
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in suites.list_suites()]
        self.app.push_screen(Pick("Suites", options, self._suite), lambda name: self._open(name) if name else None)

    def action_shrink(self) -> None:
        def check(text: str) -> str:
            try:
                parse_shrink(text)
            except BadInput as error:
                return str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is not None:
                self._open(self._suite, text)

        body = "Epochs, and the part of each row's images: 2 0.1. Empty: as published. The table then shows such runs."
        self.app.push_screen(Prompt("Shrink the runs", body, check=check), answered)

    def on_line_list_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        row = self._row_at_cursor()
        if self._state is None or row is None:
            return
        runs = self._state.runs(row, self.workbench.session.summaries())
        if runs:
            self.workbench.open_run(self.workbench.session.folder(runs[0]))
        else:
            self.say(f"{row.id} has no run yet: ctrl+s queues one")

    def action_edit(self) -> None:
        row = self._row_at_cursor()
        if row is not None:
            self.workbench.new_run({"preset": f"suite:{self._suite}/{row.id}"})

    def action_copy(self) -> None:
        table = self._table()
        if self._state is not None and table is not None:
            more = others(self._state.suite, self._state.rows, self._measured, str(self._state.departure))
            report = "\n".join(markdown(part) for part in (table, more) if part)
            self.workbench.copy(report, "the report")

    # --- starting ---------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        row = self._row_at_cursor()
        if self._state is None or row is None:
            return
        rows = self._state.chosen(row)

        def check(text: str) -> str:
            try:
                parse_seeds(text)
            except BadInput as error:
                return str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is not None:
                self._prepare(rows, parse_seeds(text))

        names = ", ".join(one.id for one in rows)
        body = (
            one_line(f"Rows: {names}", 200)
            + "\nSeeds, one run each: 0, 0-4 or 0,3,7. What is there already is not run again."
        )
        self.app.push_screen(Prompt("Queue rows", body, "0", check), answered)

    @work(thread=True, group="suite-start", exit_on_error=False)
    def _prepare(self, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        """Resolve and check everything, then ask."""
        session, state = self.workbench.session, self._state
        assert state is not None  # rows come from it
        try:
            items = state.cells(rows)
            batch = prepare(items, seeds, session.roots, session.catalog)
            known = session.summaries()
            time = cost(batch, known, items[0].draft.placement())
        except BadInput as error:
            self.app.call_from_thread(self.say, _first_problems(error), bad=True)
            return
        lines = told(batch, time, room(batch, known), str(state.departure))
        self.app.call_from_thread(self._ask_to_start, lines, len(batch.to_do), rows, seeds)

    def _ask_to_start(self, lines: Sequence[str], count: int, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        if not count:
            self.say(lines[0])
            return

        def answered(answer: str | None) -> None:
            if answer == "start":
                self._carry_out(rows, seeds)

        buttons = [("start", "Start"), ("no", "Not now")]
        self.app.push_screen(Confirm(f"Queue {self._suite}?", "\n".join(lines), buttons), answered)

    @work(thread=True, group="suite-start", exit_on_error=False)
    def _carry_out(self, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        """Start what is missing by now; a run that cannot be started is told and holds up no other."""
        session, state = self.workbench.session, self._state
        assert state is not None
        done, failed = 0, ""
        try:
            with alone(session.roots[0]):
                batch = prepare(state.cells(rows), seeds, session.roots, session.catalog)
                resume = partial(control.resume, pause=pause)
                for started in carry_out(batch, {}, start=session.start, resume=resume, say=self.say_later):
                    done, failed = done + (not started.error), started.error or failed
        except (BadInput, StartFailed) as error:
            failed = str(error)
        if failed:
            self.app.call_from_thread(self.say, failed, bad=True)
        self.app.call_from_thread(self.say, f"{done} runs of {state.name} queued (5 shows the queue)")
        self._look_again()


def _first_problems(error: BadInput) -> str:
    """The first problems, for a toast."""
    more = [f"and {len(error.problems) - MAX_PROBLEMS} more"] if len(error.problems) > MAX_PROBLEMS else []
    return "; ".join([*error.problems[:MAX_PROBLEMS], *more])
