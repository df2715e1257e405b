"""Results: the table of all runs. Filter, sort and mark them, preview the one under the cursor, act on it."""

from __future__ import annotations

import time
from collections import Counter
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import ScreenResume

from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder
from tui.drawing.format import counted
from tui.drawing.lines import Line
from tui.drawing.run_rows import SORTS, list_rows
from tui.drawing.run_table import Columns, Marks, footnote, header, news, sort_of
from tui.forms.options import Option
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer, for_state
from tui.keys.results import KEYS
from tui.screens.pick import Pick
from tui.screens.results_filter import FilterLine
from tui.screens.results_preview import RunPreview
from tui.screens.run_keys import RunKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineList, LineView
from tui.widgets.run_list import RunList
from tui.widgets.top_bar import TopBar


class Results(RunKeys):
    """The table of runs."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#runs"

    def __init__(self) -> None:
        super().__init__()
        self._sort = "when"
        self._reverse = False
        self._group = False
        self._filter_error = ""
        self._shown = 0
        self._ended_since: Counter[str] = Counter()
        """How many runs ended since the workbench was last left, by status."""
        self._selected: RunFolder | None = None
        """The run that was last under the cursor."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="news")
        yield FilterLine()
        yield LineView(id="header")
        yield RunList()
        yield RunPreview()
        yield LineView(id="star")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def on_mount(self) -> None:
        self._ended_since = self.workbench.session.since_left()

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._show_rows()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_rows)

    def runs_changed(self) -> None:
        """Draw the rows again after runs have changed."""
        self._show_rows()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        session, width = self.workbench.session, self.size.width
        runs = session.summaries()
        try:
            keep = parse_filter(self.query_one(FilterLine).text)
            self._filter_error = ""
        except BadInput as error:  # not typed to its end: keep the rows and say what is missing
            self._filter_error = error.problems[0]
            self._show_filter(len(runs))
            return
        kept = keep.select(runs)
        self._shown = len(kept)
        self.query_one(RunList).nothing = self._empty_message(len(runs))
        marks = Marks(session.slots, session.baseline.id if session.baseline else "")
        self.query_one(RunList).show(list_rows(kept, self._sort, self._reverse, group=self._group), marks)
        self.query_one("#news", LineView).show([news(self._ended_since, session.left, time.time(), runs, width)])
        self.query_one("#header", LineView).show([header(Columns.for_width(width), self._sort, self._reverse)])
        self.query_one("#star", LineView).show([footnote(kept, width)])
        self._show_filter(len(runs))
        if session.selected is not None and session.selected != self._selected:  # selected on another screen
            self.query_one(RunList).go_to(session.selected.id)
        self._select()

    def _empty_message(self, total: int) -> Line:
        """What the table says when it has no rows."""
        if not total:
            return [("  no runs yet: 4 opens New run", "dim")]
        others = "the only run" if total == 1 else f"all {total} runs"
        return [(f"  no run matches the filter: / edits it, esc shows {others}", "")]

    def _show_filter(self, total: int) -> None:
        session, filter_line = self.workbench.session, self.query_one(FilterLine)
        if self._filter_error:
            self.query_one("#news", LineView).show([[(f" {self._filter_error}", "bad")]])
        runs = counted(total, "run")
        counts = f"{len(session.marked)} marked   " if session.marked else ""
        counts += f"{self._shown} of {runs}" if filter_line.text else runs
        counts += "   by recipe" if self._group else ""
        filter_line.show(counts, session.trash, invalid=bool(self._filter_error))

    def _select(self) -> None:
        """Select the run under the cursor for the other screens, too; preview it and offer the keys that it allows."""
        row, run = self.query_one(RunList).run, self._run()
        if run is not None:
            self._selected = self.workbench.session.selected = run
        self.query_one(KeyLine).set_pairs(footer(for_state([*KEYS, *GLOBAL], row.status if row else "")))
        self.query_one(RunPreview).show_run((row, run) if row and run else None)

    def _run(self) -> RunFolder | None:
        """The run under the cursor."""
        row = self.query_one(RunList).run
        return self.workbench.session.folder(row) if row else None

    def on_line_list_moved(self) -> None:
        self._select()

    # --- filter, order ----------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.query_one(FilterLine).edit()

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

    # --- marks and other screens ------------------------------------------------------------------------------

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        if run := self._run():
            self.workbench.open_run(run)

    def action_mark(self) -> None:
        if run := self._run():
            self.workbench.session.toggle_mark(run)
            self._show_rows()
            self.query_one(RunList).action_move(1)

    def action_all(self) -> None:
        session, rows = self.workbench.session, self.query_one(RunList).runs
        if session.marked:
            session.mark([], "unmarked all")
        elif rows:
            session.mark([session.folder(row) for row in rows], f"marked {counted(len(rows), 'run')}")
        self._show_rows()

    # --- acting on runs ---------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Delete all marked runs, or the one under the cursor if none is marked."""
        run, marked = self._run(), list(self.workbench.session.marked)
        if marked or run:
            self.ask_delete(marked or [run] if run else marked)
