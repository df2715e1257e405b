"""The table of Results and the panes around it. `Results` adds the keys."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.events import ScreenResume

from engine.analysis.against import seeds_of
from engine.analysis.chosen import RecipeRuns
from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, Summary
from tui.comparisons import saved
from tui.drawing.filter_hint import filter_hint, knows
from tui.drawing.format import counted
from tui.drawing.interval_cells import SMALLEST
from tui.drawing.lines import Line
from tui.drawing.recipe_table import recipe_rows, recipe_table
from tui.drawing.run_columns import NO_SEEDS, ColumnLayout, Marks, layout
from tui.drawing.run_rows import list_rows
from tui.drawing.run_table import footnote, header, news
from tui.keys.common import GLOBAL
from tui.keys.key import footer, for_state
from tui.keys.results import KEYS
from tui.screens.results_filter import FilterLine
from tui.screens.results_pairs import PairedRows
from tui.screens.results_preview import RunPreview
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane
from tui.widgets.run_list import RunList
from tui.widgets.top_bar import TopBar

WIDE: Final = 160
"""Columns from which the preview stands at the right of the table."""
GAP: Final = 2
LEAST_PANE, LEAST_CURVE = 6, 13
"""Rows from which on the space below a short table shows the recipe of the run under the cursor, or its curve."""


class ResultsTable(PairedRows):
    """The table of runs, the run under its cursor, and the recipes with several seeds."""

    def __init__(self) -> None:
        super().__init__()
        self._sort = "when"
        self._reverse = False
        self._group = False
        self._comparisons = 0
        """Number of saved comparisons."""
        self._filter_error = ""
        self._kept: list[Summary] = []
        self._recipes: list[RecipeRuns] = []
        self._ended_since: Counter[str] = Counter()
        """How many runs ended since the workbench was last left, by status."""
        self._selected: RunFolder | None = None
        """The run that was last under the cursor."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Container(id="results"):
            with Vertical(id="table"):
                yield LineView(id="news")
                yield FilterLine()
                yield LineView(id="header")
                yield RunList()
                yield Pane(self._draw_recipes, id="recipes")
                yield Pane(self._draw_curve, id="curve")
                yield LineView(id="star")
            yield RunPreview()
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def on_mount(self) -> None:
        self._ended_since = self.workbench.workspace.since_left()

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._comparisons = len(saved())
        self._show_rows()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_rows)

    def runs_changed(self) -> None:
        """Draw the rows again after runs have changed."""
        self._show_rows()

    # --- sizes ------------------------------------------------------------------------------------------------

    @property
    def _is_wide(self) -> bool:
        return self.size.width >= WIDE

    @property
    def _table_width(self) -> int:
        """Cells of the table with its scroll bar."""
        width = self.size.width
        return width - _side_width(width) - GAP if self._is_wide else width

    def _columns(self) -> ColumnLayout:
        workspace = self.workbench.workspace
        imported = any(run.layout for run in workspace.summaries())
        return layout(self._table_width, workspace.columns, baseline=workspace.baseline is not None, imported=imported)

    def _arrange(self, rows: int) -> None:
        """Divide the height: first the table, then the recipes, then the curve of the run under the cursor."""
        width, height = self.size
        preview, recipes, curve = self.query_one(RunPreview), self.query_one("#recipes"), self.query_one("#curve")
        self.query_one("#results").set_class(self._is_wide, "-side")
        preview.is_side = self._is_wide
        room = height - 6 - (0 if self._is_wide else 12 if height >= 34 else 6)  # bars, news, filter, heads, star
        spare = room - rows - 1
        wanted = len(self._recipes) + 4 + any(run.excluded for run in self._kept)
        lower = min(wanted, max(room // 4, spare)) if self._is_wide and room >= 24 else 0
        left = spare - lower if self._is_wide and spare - lower >= LEAST_PANE else 0
        recipes.display, recipes.styles.height = lower > 0, lower
        curve.display, curve.styles.height = left > 0, left
        preview.has_chart = left < LEAST_CURVE
        preview.styles.width = _side_width(width) if self._is_wide else width

    # --- drawing ----------------------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        workspace, columns = self.workbench.workspace, self._columns()
        runs = workspace.summaries()
        filter_line = self.query_one(FilterLine)
        try:
            keep = parse_filter(filter_line.text)
            self._filter_error = ""
        except BadInput as error:  # not typed to its end: keep the rows and say what is missing
            self._filter_error = error.problems[0]
            self._show_filter(len(runs))
            return
        self._kept = keep.select(runs)
        self._recipes = recipe_rows(self._kept) if self._is_wide else []
        self._marks = self._current_marks(runs)
        rows = list_rows(self._kept, self._sort, self._reverse, group=self._group)
        self._arrange(len(rows))
        table = self.query_one(RunList)
        table.nothing = self._empty_message(len(runs))
        table.show(rows, self._marks, columns)
        self.query_one("#header", LineView).show([header(columns, self._sort, self._reverse, self._marks)])
        self.query_one("#star", LineView).show([footnote(self._kept, columns, self._marks)])
        self.query_one("#recipes", Pane).redraw()
        self._show_filter(len(runs))
        if workspace.selected is not None and workspace.selected != self._selected:  # selected on another screen
            table.go_to(workspace.selected.id)
        self._select()

    def _current_marks(self, runs: Sequence[Summary]) -> Marks:
        """The marks and the baseline as they are now; what was read against the same baseline stays."""
        workspace = self.workbench.workspace
        base = workspace.row(workspace.baseline)
        before = self._marks
        same = base is not None and before.baseline is not None and before.baseline.folder == base.folder
        return Marks(
            slots=workspace.slots,
            baseline=base,
            seeds=seeds_of(base.recipe_id, runs) if base else NO_SEEDS,
            against=before.against if same else {},
            scale=before.scale if same else SMALLEST,
        )

    def _empty_message(self, total: int) -> Line:
        """What the table says when it has no rows."""
        if not total:
            return [
                ("  no runs yet: ", ""),
                ("4", "key"),
                (" opens New run; every run is listed here", ""),
            ]
        others = "the only run" if total == 1 else f"all {total} runs"
        return [
            ("  no run matches the filter: ", ""),
            ("/", "key"),
            (" edits it, ", ""),
            ("esc", "key"),
            (f" shows {others}", ""),
        ]

    def _show_filter(self, total: int) -> None:
        """The filter, and above it the news; while it is typed, what may be typed next or what is wrong."""
        workspace, filter_line, width = self.workbench.workspace, self.query_one(FilterLine), self._table_width
        line = news(self._ended_since, workspace.left, time.time(), workspace.summaries(), width)
        if self._filter_error and not (filter_line.is_typing and knows(filter_line.text)):
            line = [(f" {self._filter_error}", "bad")]
        elif filter_line.is_typing:
            line = filter_hint(filter_line.text, width)
        self.query_one("#news", LineView).show([line])
        runs = counted(total, "run")
        counts = f"{len(workspace.marked)} marked   " if workspace.marked else ""
        counts += f"{len(self._kept)} of {runs}" if filter_line.text else runs
        counts += "   by recipe" if self._group else ""
        counts += f"   V {counted(self._comparisons, 'comparison')}" if self._comparisons else ""
        filter_line.show(counts, workspace.trash, invalid=bool(self._filter_error))

    def _draw_recipes(self, width: int, height: int) -> list[Line]:
        return [[], *recipe_table(self._recipes, self._marks.slots, width - 1, height - 1)]

    def _draw_curve(self, width: int, height: int) -> list[Line]:
        return [[], *self.query_one(RunPreview).below_table(width - 1, height - 1)]

    def on_run_preview_shown(self) -> None:
        self.query_one("#curve", Pane).redraw()

    def _select(self) -> None:
        """Select the run under the cursor for the other screens, too; preview it and offer the keys that it allows."""
        row, run = self.query_one(RunList).run, self._run()
        if run is not None:
            self._selected = self.workbench.workspace.selected = run
        self.query_one(KeyLine).set_pairs(footer(for_state([*KEYS, *GLOBAL], row.status if row else "")))
        self.query_one(RunPreview).show_run(row, self._marks)
        self._pair_soon()

    def _run(self) -> RunFolder | None:
        """The run under the cursor."""
        row = self.query_one(RunList).run
        return self.workbench.workspace.folder(row) if row else None

    def on_line_list_moved(self) -> None:
        self._select()

    def on_run_list_scrolled(self) -> None:
        self._pair_soon()

    def _differences_read(self) -> None:
        """Draw the rows in sight with the differences that are known now."""
        self.query_one(RunList).set_marks(self._marks)
        self.query_one("#header", LineView).show([header(self._columns(), self._sort, self._reverse, self._marks)])
        self.query_one(RunPreview).set_marks(self._marks)


def _side_width(width: int) -> int:
    """Cells of the preview at the right of the table."""
    return min(max(width // 3, 52), 72)
