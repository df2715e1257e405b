"""The table of Compare: a row for each marked run, with a cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.analysis.marked import MarkedRun
from tui.drawing.compare_table import Columns, draw_row
from tui.drawing.lines import Line
from tui.widgets.line_list import LineList


class ComparisonTable(LineList):
    """A row for each marked run, with a cursor."""

    def __init__(self) -> None:
        super().__init__(id="table")
        self.marked: Sequence[MarkedRun] = ()
        self._columns: Columns | None = None
        self._marks: Mapping[str, tuple[str, str]] = {}

    def row_count(self) -> int:
        return len(self.marked)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        assert self._columns is not None
        one = self.marked[row]
        return draw_row(one, self._columns, self._marks[one.run.id], at_cursor=at_cursor)

    @property
    def run(self) -> MarkedRun | None:
        """The run under the cursor."""
        return self.marked[self.cursor] if self.cursor < len(self.marked) else None

    def show(self, marked: Sequence[MarkedRun], shown: Columns, marks: Mapping[str, tuple[str, str]]) -> None:
        """Show other rows; the cursor stays on its run."""
        kept = self.run.run.id if self.run else ""
        if kept and marked is not self.marked:
            at = next((i for i, one in enumerate(marked) if one.run.id == kept), self.cursor)
            self.set_reactive(LineList.cursor, at)
        self.marked, self._columns, self._marks = marked, shown, marks
        self.reload()
