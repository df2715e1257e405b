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
from tui.screens.run_actions import RunActions, pause
from tui.screens.suites_state import SuiteDesk, parse_departure
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.suite_rows import SuiteRows
from tui.widgets.top_bar import TopBar

DETAIL_LINES: Final = 8  # as app.tcss has it
LEGEND: Final = "* best on test   ? not told which epoch   Δ in points"
MOST_PROBLEMS: Final = 3  # in a toast


class Suites(RunActions):
    """One suite at a time."""

    KEYS = KEYS
    KEYS_OF = "suites"
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#suite-rows"

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._suite = name or next(info.name for info in suites.list_suites())
        self._desk: SuiteDesk | None = None
        self._measured: list[Measured] = []
        self._turn = 0
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
            self._desk = SuiteDesk(name, self.workbench.session.catalog, parse_departure(departure))
        except BadInput as error:
            self.say(_few(error), bad=True)
            return
        self._suite, self._measured = name, []
        self.query_one(SuiteRows).cursor = 0
        self._read()

    def _read(self) -> None:
        if self._desk is not None:
            self._turn += 1
            self._measure(self._desk, self._turn)

    @work(thread=True, group="suite", exit_on_error=False)
    def _measure(self, desk: SuiteDesk, turn: int) -> None:
        found = desk.measured(self.workbench.session.summaries())
        self.app.call_from_thread(self._take, found, turn)

    def _take(self, found: list[Measured], turn: int) -> None:
        if turn == self._turn:
            self._measured = found
            self._show()

    def _sheet(self) -> Table | None:
        if self._desk is None or not self._measured:
            return None
        desk = self._desk
        return measured_table(desk.suite, desk.rows, self._measured, str(desk.departure), self.size.width - 4)

    def _show(self) -> None:
        desk = self._desk
        rows = self.query_one(SuiteRows)
        rows.show(self._sheet(), desk.marked if desk else set())
        if desk is not None:
            title = f"{desk.name}, {desk.departure}" if desk.departure else f"{desk.name}: {desk.suite.title}"
            heading = rule(one_line(title), self.size.width, f"{len(desk.rows)} rows")
            self.query_one("#heading", LineView).show([heading])
        self.query_one("#heads", LineView).show([rows.heads()])
        self._show_detail()

    def _show_detail(self) -> None:
        row, lines = self._here(), list[Line]()
        if row is not None and self._desk is not None and self._measured:
            at = self._desk.rows.index(row)
            first, *rest = describe_row(row, self._measured[at], self._desk.changed(row))
            width = self.size.width
            lines = [rule(row.id, width, LEGEND), *([(f" {line}", "")] for line in wrap(clean(first), width - 2))]
            lines += [[(f" {line}", "dim")] for said in rest for line in wrap(clean(said), width - 2)]
        self.query_one("#suite-row", LineView).show(lines[:DETAIL_LINES])

    def on_line_list_moved(self) -> None:
        self._show_detail()

    def _here(self) -> Row | None:
        """The row under the cursor."""
        rows = self._desk.rows if self._desk else ()
        at = self.query_one(SuiteRows).cursor
        return rows[at] if at < len(rows) else None

    # --- looking about ----------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        row = self._here()
        if self._desk is not None and row is not None:
            self._mark(self._desk, self._desk.marked ^ {row.id}, f"row {row.id}")
            self.query_one(SuiteRows).action_move(1)

    def action_all(self) -> None:
        if self._desk is not None:
            rows = set() if self._desk.marked else {row.id for row in self._desk.rows}
            self._mark(self._desk, rows, f"all rows of {self._desk.name}")

    def _mark(self, desk: SuiteDesk, rows: set[str], what: str) -> None:
        """Let just these rows be marked."""
        before = desk.marked
        desk.mark(rows)
        self.workbench.session.undo_stack.push(f"marks: {what}", lambda: desk.mark(before))
        self._show()

    def action_table(self) -> None:
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in suites.list_suites()]
        self.app.push_screen(Pick("Suites", options, self._suite), lambda name: self._open(name) if name else None)

    def action_shrink(self) -> None:
        def check(text: str) -> str:
            try:
                parse_departure(text)
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
        row = self._here()
        if self._desk is None or row is None:
            return
        runs = self._desk.runs(row, self.workbench.session.summaries())
        if runs:
            self.workbench.open_run(self.workbench.session.folder(runs[0]))
        else:
            self.say(f"{row.id} has no run yet: ctrl+s queues one")

    def action_edit(self) -> None:
        row = self._here()
        if row is not None:
            self.workbench.new_run({"preset": f"suite:{self._suite}/{row.id}"})

    def action_copy(self) -> None:
        sheet = self._sheet()
        if self._desk is not None and sheet is not None:
            more = further_table(self._desk.suite, self._desk.rows, self._measured, str(self._desk.departure))
            said = "\n".join(markdown(part) for part in (sheet, more) if part)
            self.workbench.copy(said, "the report")

    # --- starting ---------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        row = self._here()
        if self._desk is None or row is None:
            return
        rows = self._desk.chosen(row)

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
        session, desk = self.workbench.session, self._desk
        assert desk is not None  # rows come from it
        try:
            made = desk.items(rows)
            batch = prepare(made, seeds, session.roots, session.catalog)
            known = session.summaries()
            time = cost(batch, known, made[0].resolution.draft.placement())
        except BadInput as error:
            self.app.call_from_thread(self.say, _few(error), bad=True)
            return
        said = describe(batch, time, room(batch, known), str(desk.departure))
        self.app.call_from_thread(self._ask_to_start, said, len(batch.to_do), rows, seeds)

    def _ask_to_start(self, said: Sequence[str], count: int, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        if not count:
            self.say(said[0])
            return

        def answered(answer: str | None) -> None:
            if answer == "start":
                self._carry_out(rows, seeds)

        buttons = [("start", "Start"), ("no", "Not now")]
        self.app.push_screen(Confirm(f"Queue {self._suite}?", "\n".join(said), buttons), answered)

    @work(thread=True, group="suite-start", exit_on_error=False)
    def _carry_out(self, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        """Start what is missing by now; a run that cannot be started is told and holds up no other."""
        session, desk = self.workbench.session, self._desk
        assert desk is not None
        done, failed = 0, ""
        try:
            with alone(session.roots[0]):
                batch = prepare(desk.items(rows), seeds, session.roots, session.catalog)
                resume = partial(control.resume, pause=pause)
                for started in carry_out(batch, {}, start=session.start, resume=resume, say=self.say_later):
                    done, failed = done + (not started.error), started.error or failed
        except (BadInput, StartFailed) as error:
            failed = str(error)
        if failed:
            self.app.call_from_thread(self.say, failed, bad=True)
        self.app.call_from_thread(self.say, f"{done} runs of {desk.name} queued (5 shows the queue)")
        self.refresh_rows()


def _few(error: BadInput) -> str:
    """The first problems, for a toast."""
    more = [f"and {len(error.problems) - MOST_PROBLEMS} more"] if len(error.problems) > MOST_PROBLEMS else []
    return "; ".join([*error.problems[:MOST_PROBLEMS], *more])
