"""A block of lines that scrolls when it has the focus: for text of any length, without a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.text import clean
from tui.drawing.lines import Line
from tui.widgets.line_list import LineList


class LinesPane(LineList):
    """Shows the lines that it is given; the keys of lists scroll them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    @property
    def lines_shown(self) -> list[Line]:
        return self._lines

    def row_count(self) -> int:
        return len(self._lines)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        return self._lines[row]

    def _line_at(self, y: int) -> tuple[Line, bool]:
        return super()._line_at(y)[0], False

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; the place that they are scrolled to stays."""
        fresh = [[(clean(text), role) for text, role in line] for line in lines]
        if fresh != self._lines:
            self._lines = fresh
            self.reload()

    def follow(self) -> None:
        """There is no cursor to follow."""

    def action_move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_last(self) -> None:
        self.scroll_to(y=self.row_count(), animate=False, force=True)

    def action_choose(self) -> None:
        """A line is nothing to open."""
