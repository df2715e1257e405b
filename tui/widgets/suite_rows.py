"""The rows of a suite's table as a list with a cursor and marks."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.text import clean
from tui.drawing.lines import Line, fit
from tui.drawing.typeset import Table
from tui.widgets.line_list import LineList


class SuiteRows(LineList):
    """The rows of a table; marked rows have a dot."""

    def __init__(self) -> None:
        super().__init__(id="suite-rows")
        self._table: Table | None = None
        self._marked: frozenset[str] = frozenset()

    def row_count(self) -> int:
        return len(self._table.rows) if self._table else 0

    def show(self, table: Table | None, marked: set[str]) -> None:
        """Show another table, or other marks."""
        self._table, self._marked = table, frozenset(marked)
        self.reload()

    def heads(self) -> Line:
        """The column heads, aligned with the rows."""
        if self._table is None:
            return []
        return [(f"    {self._cells([column.head for column in self._table.columns])}", "dim")]

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        assert self._table is not None  # there are no rows without a table
        cells = list(self._table.rows[row])
        mark = "● " if cells[0] in self._marked else "  "
        return [
            ("▸ " if at_cursor else "  ", "mark"),
            (mark, "live"),
            (self._cells(cells), "strong" if at_cursor else ""),
        ]

    def _cells(self, cells: Sequence[str]) -> str:
        assert self._table is not None
        fitted = []
        for i, column in enumerate(self._table.columns):
            size = max(len(column.head), *(len(row[i]) for row in self._table.rows))
            fitted.append(fit(clean(cells[i]), size, "right" if column.right else "left"))
        return "  ".join(fitted)
