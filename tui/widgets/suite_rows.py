"""The rows of a table that a cursor walks on and that can be marked."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.text import clean
from tui.drawing.lines import Line, fit
from tui.drawing.typeset import Table
from tui.widgets.line_list import LineList


class SuiteRows(LineList):
    """The rows of the table."""

    def __init__(self) -> None:
        super().__init__(id="suite-rows")
        self._table: Table | None = None
        self._marked: frozenset[str] = frozenset()

    def row_count(self) -> int:
        return len(self._table.rows) if self._table else 0

    def show(self, table: Table | None, marked: set[str]) -> None:
        """Draw another table, or other marks."""
        self._table, self._marked = table, frozenset(marked)
        self.reload()

    def heads(self) -> Line:
        """The headings over the columns."""
        if self._table is None:
            return []
        return [(f"    {self._cells([column.head for column in self._table.columns])}", "dim")]

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        assert self._table is not None  # without it there is no row
        cells = list(self._table.rows[row])
        mark = "● " if cells[0] in self._marked else "  "
        return [
            ("▸ " if at_cursor else "  ", "mark"),
            (mark, "live"),
            (self._cells(cells), "strong" if at_cursor else ""),
        ]

    def _cells(self, cells: Sequence[str]) -> str:
        assert self._table is not None
        told = []
        for i, column in enumerate(self._table.columns):
            size = max(len(column.head), *(len(row[i]) for row in self._table.rows))
            told.append(fit(clean(cells[i]), size, "right" if column.right else "left"))
        return "  ".join(told)
