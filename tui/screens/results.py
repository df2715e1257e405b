"""Results: every run that was ever made. Filter, sort, mark, look closer, act."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import ScreenResume
from textual.timer import Timer
from textual.widgets import Input

from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, Summary
from tui.drawing.format import counted, file_size
from tui.drawing.lines import Line, nothing
from tui.drawing.run_rows import SORTS, list_rows
from tui.drawing.run_table import Columns, Marks, footnote, header, news
from tui.forms.options import Option
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer, for_state
from tui.keys.results import KEYS
from tui.screens.pick import Pick
from tui.screens.run_actions import RunActs
from tui.widgets.key_line import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, LineView
from tui.widgets.pane import Pane
from tui.widgets.run_list import RunList
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.drawing.run_preview import Preview
    from tui.screens.preview_reader import Reader

PAUSE_SECONDS = 0.12
"""How long the cursor rests on a run before its events are read."""


class Results(RunActions):
    """The table of runs."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#runs"

    def __init__(self) -> None:
        super().__init__()
        self._sort = "when"
        self._reverse = False
        self._group = False
        self._filter = ""
        self._filter_error = ""
        self._shown = 0
        self._preview_timer: Timer | None = None
        self._reader: Reader | None = None
        self._previewed: Summary | None = None
        self._ended_since: Counter[str] = Counter()
        self._selected: RunFolder | None = None
        """The run that was last under the cursor."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="news")
        with Horizontal(id="filter-row"):
            yield LineView(id="filter-text")
            yield LineInput(id="filter", placeholder="acc>0.95 model:resnet34 tag:paper status:failed").hidden()
            yield LineView(id="counts")
        yield LineView(id="header")
        yield RunList()
        yield Pane(id="preview")
        yield LineView(id="star")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def on_mount(self) -> None:
        self._ended_since = self.workbench.session.since_left()

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._show_rows()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_rows)

    def runs_changed(self) -> None:
        """The rows are others now."""
        self._show_rows()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        session, width = self.workbench.session, self.size.width
        runs = session.summaries()
        try:
            keep = parse_filter(self._filter)
            self._filter_error = ""
        except BadInput as error:  # half-typed: the rows stay as they are, the line says what is missing
            self._filter_error = error.problems[0]
            self._draw_filter(len(runs))
            return
        kept = keep.select(runs)
        self._shown = len(kept)
        self.query_one(RunList).nothing = self._empty_message(len(runs))
        marks = Marks(frozenset(run.id for run in session.marked), session.baseline.id if session.baseline else "")
        self.query_one(RunList).show(rows_of(kept, self._sort, self._reverse, group=self._group), marks)
        self.query_one("#news", LineView).show([news(self._ended_since, session.left, time.time(), runs, width)])
        self.query_one("#header", LineView).show([header(Columns.for_width(width), self._sort, self._reverse)])
        self.query_one("#star", LineView).show([footnote(kept, width)])
        self._draw_filter(len(runs))
        if session.selected is not None and session.selected != self._selected:  # another screen went on to another run
            self.query_one(RunList).go_to(session.selected.id)
        self._select()
        self._preview_soon()

    def _empty_message(self, total: int) -> Line:
        """What the table says where it has no row."""
        if not total:
            return [("  no run yet: 4 opens New run", "dim")]
        others = "the only run" if total == 1 else f"all {total} runs"
        return [(f"  no run matches the filter: / changes it, esc shows {others}", "")]

    def _select(self) -> None:
        """The run under the cursor is the one that every other screen shows, and that the keys at the bottom act on."""
        row = self.query_one(RunList).run
        if row is not None:
            self._selected = self.workbench.session.selected = self.workbench.session.folder(row)
        self.query_one(KeyLine).set_pairs(footer(for_state([*KEYS, *GLOBAL], row.status if row else "")))

    def _draw_filter(self, total: int) -> None:
        text = (self._filter or "filter", "bad" if self._filter_error else "" if self._filter else "dim")
        self.query_one("#filter-text", LineView).show([[(" / ", "key"), text]])
        if self._filter_error:
            self.query_one("#news", LineView).show([[(f" {self._filter_error}", "bad")]])
        marked = len(self.workbench.session.marked)
        counts = f"{marked} marked   " if marked else ""
        runs = counted(total, "run")
        counts += f"{self._shown} of {runs}" if self._filter else runs
        counts += "   by recipe" if self._group else ""
        room = self.query_one("#counts").size.width - 1
        trash = self.workbench.session.trash
        held = f"   trash {file_size(trash)}" if trash else ""
        counts += held if len(counts) + len(held) <= room else ""
        self.query_one("#counts", LineView).show([[(counts.rjust(room), "dim")]])

    # --- the preview ------------------------------------------------------------------------------------------

    def on_line_list_moved(self) -> None:
        self._select()
        self._preview_soon()

    def _preview_soon(self) -> None:
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(PAUSE_SECONDS, self._preview)

    def _preview(self) -> None:
        run = self.query_one(RunList).run
        if run is None:
            self._previewed = None
            self.query_one("#preview", Pane).paint(nothing)
        elif run != self._previewed:
            self._previewed = run
            self._read_preview(run)

    @work(thread=True, group="preview", exit_on_error=False)
    def _read_preview(self, run: Summary) -> None:
        from tui.screens.preview_reader import Reader  # NumPy and plotext load here, behind the first paint

        self._reader = self._reader or Reader()
        preview = self._reader.read(run, self.workbench.session.folder(run))
        self.app.call_from_thread(self._show_preview, preview)

    def _show_preview(self, preview: Preview) -> None:
        now = self.query_one(RunList).run
        if now is None or now.id != preview.run.id:
            return  # the cursor went on meanwhile
        pane = self.query_one("#preview", Pane)
        pane.paint(lambda width, height: preview.draw(width, height, pane.glyphs))

    # --- finding ----------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        find = self.query_one("#filter", Input)
        self.query_one("#filter-text").display = False
        find.display = True
        find.value = self._filter
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = event.value.strip()
        self._show_rows()

    def on_input_submitted(self) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one("#filter-text").display = True
        self.query_one(RunList).focus()
        self._show_rows()

    def on_line_input_canceled(self) -> None:
        """Esc in the filter's line."""
        self._show_all()

    def leave(self) -> bool:
        """Esc takes a filter away before it leaves the screen."""
        filtered = bool(self._filter)
        if filtered:
            self._show_all()
        return filtered

    def _show_all(self) -> None:
        self.query_one("#filter", Input).value = ""
        self._filter = ""
        self._close_filter()

    def action_sort(self) -> None:
        options = [Option(sort.key, sort.label) for sort in SORTS.values()]
        self.app.push_screen(Pick("Sort by", options, self._sort), self._sorted)

    def _sorted(self, key: str | None) -> None:
        if key:
            self._sort, self._reverse = key, False
            self._show_rows()

    def action_reverse(self) -> None:
        self._reverse = not self._reverse
        self._show_rows()

    def action_group(self) -> None:
        self._group = not self._group
        self._show_rows()

    # --- pointing ---------------------------------------------------------------------------------------------

    def _run_at_cursor(self) -> RunFolder | None:
        """The run under the cursor."""
        row = self.query_one(RunList).run
        return self.workbench.session.folder(row) if row else None

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        self.action_open()

    def action_open(self) -> None:
        if run := self._run_at_cursor():
            self.workbench.open_run(run)

    def action_mark(self) -> None:
        if run := self._run_at_cursor():
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

    def action_baseline(self) -> None:
        if run := self._run_at_cursor():
            session = self.workbench.session
            session.baseline = None if session.baseline == run else run
            self._show_rows()

    def action_compare(self) -> None:
        session, run = self.workbench.session, self._run_at_cursor()
        if run and not session.marked:
            session.toggle_mark(run)
        self.workbench.visit("compare")

    def action_inspect(self) -> None:
        if self._run_at_cursor():
            self.workbench.visit("inspect")

    def action_copy(self) -> None:
        if run := self._run_at_cursor():
            self.workbench.copy(f"cifar-tui --preset run:{run.id} --headless", f"command of {run.id[-4:]}")

    # --- acting -----------------------------------------------------------------------------------------------

    def action_tags(self) -> None:
        if run := self._run_at_cursor():
            self.ask_tags(run)

    def action_note(self) -> None:
        if run := self._run_at_cursor():
            self.ask_note(run)

    def action_stop(self) -> None:
        if run := self._run_at_cursor():
            self.ask_stop(run)

    def action_resume(self) -> None:
        if run := self._run_at_cursor():
            self.ask_resume(run)

    def action_delete(self) -> None:
        run, marked = self._run_at_cursor(), list(self.workbench.session.marked)
        if marked or run:
            self.ask_delete(marked or [run] if run else marked)

    def action_edit(self) -> None:
        if run := self._run_at_cursor():
            self.workbench.new_run({"preset": f"run:{run.id}"})

    def action_rerun(self) -> None:
        if run := self._run_at_cursor():
            self.ask_again(run)
