"""The list of fields of New run: rows drawn as lines, and a cursor that stands on one field of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.events import Click

from tui.drawing.lines import Line
from tui.forms.fields import Field
from tui.forms.rows import FormRow, draw_pair, half_of
from tui.widgets.line_list import LineList


class FormRows(LineList):
    """The rows of the form, filled by `Form.show`.

    Args:
        choose: called at once when the row under the cursor is chosen, because it may open an input, which gets the
            keys that follow.
    """

    def __init__(self, choose: Callable[[FormRow], None]) -> None:
        super().__init__(id="rows")
        self._choose = choose
        self.rows: list[FormRow] = []
        self.problems: Mapping[str, str] = {}
        self.column = 0
        """The field of the row under the cursor, where a row has two."""

    def row_count(self) -> int:
        return len(self.rows)

    def can_stand(self, row: int) -> bool:
        return not self.rows[row].heading

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        return draw_pair(self.rows[row], width, self.column if at_cursor else None, self._problem_of)

    def _problem_of(self, field: Field | None) -> str:
        return self.problems.get(field.path, "") if field else ""

    @property
    def field(self) -> Field | None:
        """The field under the cursor."""
        found = self.rows[self.cursor].fields if self.rows else []
        return found[min(self.column, len(found) - 1)] if found else None

    def put_cursor(self, row: int, column: int = 0) -> None:
        """Move the cursor to a field of a row."""
        before = self.cursor, self.column
        self.column = column
        self.cursor = row
        if before[0] == self.cursor and before[1] != column:
            self.refresh_line(self.cursor)
            self.post_message(self.Moved(self, self.cursor))

    def action_choose(self) -> None:
        if self.rows:
            self._choose(self.rows[self.cursor])

    def action_move(self, rows: int) -> None:
        """Move by one field, through both columns of a row; a page moves by rows."""
        last = len(self.rows[self.cursor].fields) - 1 if self.rows else 0
        if abs(rows) == 1 and 0 <= min(self.column, last) + rows <= last:
            self.put_cursor(self.cursor, min(self.column, last) + rows)
            return
        before, column = self.cursor, self.column
        self.column = 0
        super().action_move(rows)
        if self.cursor == before:
            self.column = column
        elif rows == -1:  # on the last field of the row above
            self.put_cursor(self.cursor, max(len(self.rows[self.cursor].fields) - 1, 0))

    def on_click(self, event: Click) -> None:
        """A click on a field moves the cursor there, and chooses the field that is under it already."""
        row = event.y + self.scroll_offset.y
        if row < self.row_count() and self.rows[row].beside is not None:
            event.prevent_default()
            column = int(event.x >= half_of(self.scrollable_content_region.width))
            if (row, column) == (self.cursor, self.column):
                self.action_choose()
            self.put_cursor(row, column)
