"""The table of runs, of any length; only the visible rows are drawn."""

from __future__ import annotations

import time

from textual.message import Message

from engine.contract.run.store import Summary
from tui.drawing.lines import Line
from tui.drawing.run_columns import ColumnLayout, Marks, layout
from tui.drawing.run_rows import ListRow
from tui.drawing.run_table import draw_row
from tui.widgets.line_list import LineList


class RunList(LineList):
    """Rows of runs under headings. It shows the values it is given; the screen handles the keys."""

    class Scrolled(Message):
        """Other rows came into sight."""

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._rows: list[ListRow] = []
        self._marks = Marks()
        self._layout = layout(80)
        self._now = time.time()

    def row_count(self) -> int:
        return len(self._rows)

    def can_stand(self, row: int) -> bool:
        return self._rows[row].run is not None

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        return draw_row(self._rows[row], self._layout, self._marks, at_cursor, self._now)

    @property
    def run(self) -> Summary | None:
        """The run under the cursor."""
        return self._rows[self.cursor].run if self._rows else None

    @property
    def runs(self) -> list[Summary]:
        """All runs in the table, from the top."""
        return [row.run for row in self._rows if row.run is not None]

    @property
    def in_sight(self) -> list[Summary]:
        """The runs whose rows are on the screen."""
        top = self.scroll_offset.y
        rows = self._rows[top : top + self.scrollable_content_region.height]
        return [row.run for row in rows if row.run is not None]

    def show(self, rows: list[ListRow], marks: Marks, columns: ColumnLayout) -> None:
        """Show other rows; the cursor stays on its run."""
        kept = self.run.id if self.run else ""
        self._rows, self._marks, self._layout, self._now = rows, marks, columns, time.time()
        at = next((i for i, row in enumerate(rows) if row.run and row.run.id == kept), self.cursor)
        moved = at != self.cursor
        self.set_reactive(LineList.cursor, at)  # the same run on another row does not count as a move
        self.reload()
        if moved:
            self.follow()

    def set_marks(self, marks: Marks) -> None:
        """Draw the same rows with other marks and differences."""
        if marks != self._marks:
            self._marks = marks
            self.reload()

    def go_to(self, run_id: str) -> None:
        """Move the cursor to a run, if it is in the table."""
        at = next((i for i, row in enumerate(self._rows) if row.run and row.run.id == run_id), None)
        if at is not None:
            self.cursor = at

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())
