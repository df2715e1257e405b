"""Suites: a published table beside our measurements. Marked rows can be queued."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from engine.contract.errors import BadInput, StartFailed
from engine.contract.text import one_line
from engine.launch import restart
from presets import suites
from presets.suites import Row
from tui.drawing.format import counted
from tui.drawing.sheet import Sheet
from tui.drawing.suite_chart import suite_part
from tui.drawing.suite_table import further_table, measured_table
from tui.drawing.typeset import markdown
from tui.forms.options import Option
from tui.keys.common import bindings
from tui.keys.suites import KEYS, MOVED
from tui.plans.batch import alone, carry_out, prepare
from tui.plans.configured import placement_of
from tui.plans.cost import cost, room
from tui.plans.draft import parse_seeds
from tui.plans.words import describe
from tui.screens.confirm import Confirm
from tui.screens.exports import Exports
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt, check_with
from tui.screens.results_filter import FilterLine
from tui.screens.run_actions import pause
from tui.screens.suites_state import SuiteState, parse_shrink
from tui.screens.suites_table import SORTS, SuiteTable, first_problems
from tui.widgets.suite_rows import SuiteRows


class Suites(SuiteTable, Exports):
    """The table of a suite, and the keys that mark its rows and start runs of them."""

    KEYS = KEYS
    KEYS_OF = "suites"
    BINDINGS: ClassVar[list[BindingType]] = bindings((*KEYS, *MOVED))
    AUTO_FOCUS = "#suite-rows"

    # --- marks, other suites, other screens -------------------------------------------------------------------

    def action_mark(self) -> None:
        row = self._row_at_cursor()
        if self._state is not None and row is not None:
            marked = "unmarked" if row.id in self._state.marked else "marked"
            self._mark(self._state, self._state.marked ^ {row.id}, f"{marked} row {row.id}")
            self.query_one(SuiteRows).action_move(1)

    def action_all(self) -> None:
        if self._state is not None:
            shown = {self._state.rows[i].id for i in self._shown()}
            rows = set() if self._state.marked else shown
            self._mark(self._state, rows, f"{'marked' if rows else 'unmarked'} all rows of {self._state.name}")

    def _mark(self, state: SuiteState, rows: set[str], what: str) -> None:
        """Mark exactly these rows; `what` describes the change for the undo message."""
        before = state.marked
        state.mark(rows)
        self.workbench.workspace.undo_stack.push(what, lambda: state.mark(before))
        self._show()

    def action_filter(self) -> None:
        self.query_one(FilterLine).edit()
        self._show()

    def on_filter_line_changed(self) -> None:
        self._show()

    def on_filter_line_closed(self) -> None:
        self.query_one(SuiteRows).focus()
        self._show()

    def leave(self) -> bool:
        """Esc removes the filter before it leaves the screen."""
        line = self.query_one(FilterLine)
        filtered = bool(line.text)
        if filtered:
            line.clear()
        return filtered

    def action_sort(self) -> None:
        options = [Option(key, label) for key, (label, _) in SORTS.items()]
        self.app.push_screen(Pick("Sort by", options, self._sort), self._sort_chosen)

    def _sort_chosen(self, key: str | None) -> None:
        if key:
            self._sort, self._reverse = key, False
            self._show()

    def action_reverse(self) -> None:
        self._reverse = not self._reverse
        self._show()

    def action_pick(self) -> None:
        options = [Option(info.name, info.name, one_line(info.title, 80)) for info in suites.list_suites()]
        self.app.push_screen(Pick("Suites", options, self._suite), lambda name: self._open(name) if name else None)

    def action_queue(self) -> None:
        self.dismiss()
        self.workbench.action_go("queue")

    def action_shrink(self) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self._open(self._suite, text)

        body = (
            "Epochs and fraction of the training images, such as 2 0.1.\n"
            "Leave it empty for runs as published. The table shows runs of this size."
        )
        self.app.push_screen(Prompt("Shrink the runs", body, check=check_with(parse_shrink)), answered)

    def on_line_list_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        row = self._row_at_cursor()
        if self._state is None or row is None:
            return
        runs = self._state.runs(row, self.workbench.workspace.summaries())
        if runs:
            self.workbench.open_run(self.workbench.workspace.folder(runs[0]))
        else:
            self.say(f"{row.id} has no run yet: ctrl+s queues one")

    def action_edit(self) -> None:
        row = self._row_at_cursor()
        if row is not None:
            self.workbench.new_run({"preset": f"suite:{self._suite}/{row.id}"})

    def action_copy(self) -> None:
        if self._state is not None and self._measured:
            table = measured_table(self._state.suite, self._state.rows, self._measured, str(self._state.shrink))
            more = further_table(self._state.suite, self._state.rows, self._measured, str(self._state.shrink))
            report = "\n".join(markdown(part) for part in (table, more) if part)
            self.workbench.copy(report, "report")

    def _sheet(self) -> Sheet | None:
        table, state = self._table(), self._state
        if state is None or table is None:
            return None
        more = further_table(state.suite, state.rows, self._measured, str(state.shrink))
        figure = suite_part(state.suite, state.rows, self._measured, str(state.shrink))
        return Sheet(f"suite-{state.name}", tables=[part for part in (table, more) if part], parts=[figure])

    # --- starting ---------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        row = self._row_at_cursor()
        if self._state is None or row is None:
            return
        rows = self._state.chosen(row)

        def answered(text: str | None) -> None:
            if text is not None:
                self._prepare(rows, parse_seeds(text))

        names = ", ".join(one.id for one in rows)
        help_text = "Seeds (one run for each): 0, 0-4 or 0,3,7. Existing runs are not repeated."
        body = f"{one_line(f'Rows: {names}', 200)}\n{help_text}"
        self.app.push_screen(Prompt("Queue rows", body, "0", check_with(parse_seeds)), answered)

    @work(thread=True, group="suite-start", exit_on_error=False)
    def _prepare(self, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        """Resolve and check all runs, then ask whether to start them."""
        workspace, state = self.workbench.workspace, self._state
        assert state is not None  # rows come from it
        try:
            items = state.items(rows)
            batch = prepare(items, seeds, workspace.roots, workspace.catalog)
            known = workspace.summaries()
            time = cost(batch, known, placement_of(items[0].resolution.draft))
        except BadInput as error:
            self.app.call_from_thread(self.say, first_problems(error), bad=True)
            return
        lines = describe(batch, time, room(batch, known), str(state.shrink))
        self.app.call_from_thread(self._ask_to_start, lines, len(batch.to_do), rows, seeds)

    def _ask_to_start(self, lines: Sequence[str], count: int, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        if not count:
            self.say(lines[0])
            return

        def answered(answer: str | None) -> None:
            if answer == "start":
                self._carry_out(rows, seeds)

        buttons = [("start", "Start"), ("no", "Not now")]
        self.app.push_screen(Confirm(f"Queue runs of {self._suite}?", "\n".join(lines), buttons), answered)

    @work(thread=True, group="suite-start", exit_on_error=False)
    def _carry_out(self, rows: Sequence[Row], seeds: Sequence[int]) -> None:
        """Start the runs that are still missing. A run that fails to start is reported and does not stop the others."""
        workspace, state = self.workbench.workspace, self._state
        assert state is not None
        done, failed = 0, ""
        try:
            with alone(workspace.roots[0]):
                batch = prepare(state.items(rows), seeds, workspace.roots, workspace.catalog)
                resume = partial(restart.resume, pause=pause)
                for started in carry_out(batch, {}, start=workspace.start, resume=resume, say=self.say_later):
                    done, failed = done + (not started.error), started.error or failed
        except (BadInput, StartFailed) as error:
            failed = str(error)
        if failed:
            self.app.call_from_thread(self.say, failed, bad=True)
        self.app.call_from_thread(self.say, f"{counted(done, 'run')} of {state.name} queued; 5 shows the queue")
        self.refresh_rows()
