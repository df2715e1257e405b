"""Results: the table of all runs. Filter, sort and mark them, preview the one under the cursor, act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from engine.contract.run.store import RunFolder
from tui.comparisons import saved
from tui.drawing.format import counted
from tui.drawing.run_rows import SORTS
from tui.drawing.run_table import sort_of
from tui.forms.options import Option
from tui.keys.common import bindings
from tui.keys.results import KEYS
from tui.screens.columns import ChooseColumns
from tui.screens.exports import Exports
from tui.screens.pick import Pick
from tui.screens.results_filter import FilterLine
from tui.screens.results_table import ResultsTable
from tui.widgets.line_list import LineList, LineView
from tui.widgets.run_list import RunList

if TYPE_CHECKING:
    from tui.drawing.sheet import Sheet


class Results(ResultsTable, Exports):
    """The table of runs with its keys."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#runs"

    # --- filter, order, columns -------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.query_one(FilterLine).edit()
        self._show_rows()

    def on_filter_line_changed(self) -> None:
        self._show_rows()

    def on_filter_line_closed(self) -> None:
        self.query_one(RunList).focus()
        self._show_rows()

    def leave(self) -> bool:
        """Esc removes the filter before it leaves the screen."""
        filter_line = self.query_one(FilterLine)
        filtered = bool(filter_line.text)
        if filtered:
            filter_line.clear()
        return filtered

    def action_sort(self) -> None:
        options = [Option(sort.key, sort.label) for sort in SORTS.values()]
        self.app.push_screen(Pick("Sort by", options, self._sort), self._sort_chosen)

    def _sort_chosen(self, key: str | None) -> None:
        if key:
            self._sort, self._reverse = key, False
            self._show_rows()

    def action_reverse(self) -> None:
        self._reverse = not self._reverse
        self._show_rows()

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        """A click on a column head sorts by it, a second one the other way round."""
        key = sort_of(event.text) if event.source.id == "header" else ""
        if key == self._sort:
            self.action_reverse()
        else:
            self._sort_chosen(key)

    def action_group(self) -> None:
        self._group = not self._group
        self._show_rows()

    def action_columns(self) -> None:
        self.app.push_screen(ChooseColumns(self.workbench.workspace.columns, self._columns_chosen))

    def _columns_chosen(self, columns: frozenset[str]) -> None:
        self.workbench.workspace.choose_columns(columns)
        self._show_rows()

    # --- marks and other screens ------------------------------------------------------------------------------

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        if run := self._run():
            self.workbench.open_run(run)

    def action_mark(self) -> None:
        if run := self._run():
            workspace = self.workbench.workspace
            if run not in workspace.marked and (rank := self._rank(run)):
                workspace.picked[str(run.path)] = rank
            workspace.toggle_mark(run)
            self._show_rows()
            self.query_one(RunList).action_move(1)

    def _rank(self, run: RunFolder) -> tuple[int, int] | None:
        """The place of a run among the listed ones with an accuracy, 1 for the best; None if they are not sorted by it.

        Only the better half counts as picked, and a run alone has no rank.
        """
        accuracy = {"last": "last_accuracy", "best": "best_accuracy"}.get(self._sort)
        if accuracy is None:
            return None
        rows = [row for row in self.query_one(RunList).runs if getattr(row, accuracy) is not None]
        rows.sort(key=lambda row: getattr(row, accuracy), reverse=True)
        place = next((i for i, row in enumerate(rows, 1) if row.folder == str(run.path)), 0)
        return (place, len(rows)) if 1 <= place <= len(rows) / 2 else None

    def action_all(self) -> None:
        workspace, rows = self.workbench.workspace, self.query_one(RunList).runs
        if workspace.marked:
            workspace.mark([], "unmarked all")
        elif rows:
            workspace.mark([workspace.folder(row) for row in rows], f"marked {counted(len(rows), 'run')}")
        self._show_rows()

    def action_comparisons(self) -> None:
        """Offer the saved comparisons."""
        found = saved()
        if not found:
            self.say("no comparison is saved: W on Compare saves one")
            return
        options = [Option(one.name, one.name, one.summary) for one in found]
        self.app.push_screen(Pick("Saved comparisons", options), self._comparison_chosen)

    def _comparison_chosen(self, name: str | None) -> None:
        if name:
            self.workbench.show_comparison(name)

    def _sheet(self) -> Sheet | None:
        from engine.analysis.chosen import by_recipe
        from tui.drawing.export_tables import recipe_table, runs_table
        from tui.drawing.sheet import Sheet  # imports NumPy, which the first screen does without

        runs = self.query_one(RunList).runs
        return Sheet("runs", tables=[runs_table(runs), recipe_table(by_recipe(runs))]) if runs else None

    # --- acting on the run under the cursor -------------------------------------------------------------------

    def action_pin(self) -> None:
        row, run = self.query_one(RunList).run, self._run()
        if row and run:
            self.pin(run, not row.pinned)

    def action_delete(self) -> None:
        """Delete the run under the cursor, or all marked runs, as the answer says."""
        if run := self._run():
            self.ask_delete([run], list(self.workbench.workspace.marked))
