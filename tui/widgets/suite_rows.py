"""The rows of a table that a cursor walks on and that can be marked."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.text import clean
from tui.drawing.lines import Line, fit
from tui.drawing.typeset import Sheet
from tui.widgets.line_list import LineList


class SuiteRows(LineList):
    """The rows of the table."""

    def __init__(self) -> None:
        super().__init__(id="suite-rows")
        self._sheet: Sheet | None = None
        self._marked: frozenset[str] = frozenset()

    def row_count(self) -> int:
        return len(self._sheet.rows) if self._sheet else 0

    def show(self, sheet: Sheet | None, marked: set[str]) -> None:
        """Draw another table, or other marks."""
        self._sheet, self._marked = sheet, frozenset(marked)
        self.reload()

    def heads(self) -> Line:
        """The headings over the columns."""
        if self._sheet is None:
            return []
        return [(f"    {self._cells([column.head for column in self._sheet.columns])}", "dim")]

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        assert self._sheet is not None  # without it there is no row
        cells = list(self._sheet.rows[row])
        mark = "● " if cells[0] in self._marked else "  "
        return [
            ("▸ " if at_cursor else "  ", "mark"),
            (mark, "live"),
            (self._cells(cells), "strong" if at_cursor else ""),
        ]

    def _cells(self, cells: Sequence[str]) -> str:
        assert self._sheet is not None
        told = []
        for i, column in enumerate(self._sheet.columns):
            size = max(len(column.head), *(len(row[i]) for row in self._sheet.rows))
            told.append(fit(clean(cells[i]), size, "right" if column.right else "left"))
        return "  ".join(told)
