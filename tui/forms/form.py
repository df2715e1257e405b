"""The form: rows drawn as lines, and one input that appears on a row while it is edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from tui.drawing.lines import Line
from tui.forms.fields import Field
from tui.forms.rows import FormRow, arrange, box_cells, box_column, draw_row
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList

TALL: Final = 34
"""Height of the terminal in lines from which all fields are shown."""


class FormRows(LineList):
    """The rows of the form, filled by `Form.show`."""

    def __init__(self) -> None:
        super().__init__(id="rows")
        self.rows: list[FormRow] = []
        self.problems: Mapping[str, str] = {}

    def row_count(self) -> int:
        return len(self.rows)

    def can_stand(self, row: int) -> bool:
        return not self.rows[row].heading

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        field = self.rows[row].field
        return draw_row(self.rows[row], width, at_cursor, self.problems.get(field.path, "") if field else "")


class Form(Container):
    """All fields of a draft. It changes no draft: it posts messages about what the user wants to change."""

    class Edited(Message):
        """A value was typed or stepped to."""

        def __init__(self, path: str, text: str) -> None:
            super().__init__()
            self.path = path
            self.text = text

    class Typing(Message):
        """The text in the input has changed but is not accepted yet; the path is "" once the input is closed."""

        def __init__(self, path: str, text: str) -> None:
            super().__init__()
            self.path = path
            self.text = text

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Form.Typing)

    class ChoicesRequested(Message):
        """Enter was pressed on a field whose value is picked from a list."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    class CursorMoved(Message):
        """The cursor is on this field; None for a row that is no field."""

        def __init__(self, field: Field | None) -> None:
            super().__init__()
            self.field = field

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Form.CursorMoved)

    def __init__(self) -> None:
        super().__init__(id="form")
        self._fields: list[Field] = []
        self._everything: bool | None = None
        """Whether all fields are shown; None until the user decides, then a tall terminal shows all."""
        self._find = ""
        self._editing = ""
        """The path of the field in the input; "" while it is closed."""
        self._opened_with = ""
        """The text of that field when the input was opened."""

    def compose(self) -> ComposeResult:
        yield FormRows()
        yield LineInput(id="edit").hidden()

    @property
    def rows(self) -> FormRows:
        return self.query_one(FormRows)

    @property
    def field(self) -> Field | None:
        """The field under the cursor."""
        rows = self.rows
        return rows.rows[rows.cursor].field if rows.rows else None

    @property
    def editing(self) -> bool:
        return bool(self._editing)

    def show(self, fields: Sequence[Field], problems: Mapping[str, str]) -> None:
        """Show these fields; the cursor stays on its field."""
        path = self.field.path if self.field else ""
        self._fields = list(fields)
        self.rows.problems = problems
        self._arrange(path)

    def find(self, text: str) -> None:
        """Show only the fields that contain all words of `text`; "" shows the whole form."""
        path = self.field.path if self.field else ""
        self._find = text
        self._arrange(path)

    def toggle_more(self) -> None:
        """Show or hide the fields that are rarely changed."""
        self._everything = not self._all()
        self._arrange("")

    def go_to(self, path: str) -> None:
        """Move the cursor to a field; if it is hidden, show all fields."""
        if all(row.field is None or row.field.path != path for row in self.rows.rows):
            self._everything, self._find = True, ""
        self._arrange(path)

    def _all(self) -> bool:
        return self.app.size.height >= TALL if self._everything is None else self._everything

    def _arrange(self, path: str) -> None:
        rows = self.rows
        rows.rows = arrange(self._fields, everything=self._all(), find=self._find, bad=rows.problems)
        at = next((i for i, row in enumerate(rows.rows) if row.field and row.field.path == path), rows.cursor)
        rows.reload()
        rows.cursor = at
        if self._editing and self.field is not None:
            self._place_input(self.field)
        self.post_message(self.CursorMoved(self.field))

    # --- editing ----------------------------------------------------------------------------------------------

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        event.stop()
        self.post_message(self.CursorMoved(self.field))

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        row = self.rows.rows[event.row]
        if row.more:
            self.toggle_more()
        elif row.field is not None and row.field.picked:
            self.post_message(self.ChoicesRequested(row.field))
        elif row.field is not None:
            self.edit(row.field)

    def edit(self, field: Field) -> None:
        """Open the input on the row under the cursor."""
        edit = self.query_one(LineInput)
        self._editing, self._opened_with = field.path, field.text
        edit.value = field.text
        self._place_input(field)
        edit.display = True
        edit.focus()

    def _place_input(self, field: Field) -> None:
        """Put the input over the box of the row under the cursor; rows above it may come and go while it is open."""
        rows, edit = self.rows, self.query_one(LineInput)
        width = rows.scrollable_content_region.width
        edit.styles.width = box_cells(field, width) + 1
        edit.styles.offset = (box_column(width) + 2, rows.cursor - rows.scroll_offset.y)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._editing:
            self.post_message(self.Typing(self._editing, event.value.strip()))

    def commit(self) -> None:
        """Close the input, and post `Edited` if the text has changed."""
        self.post_message(self.take() or self.Typing("", ""))

    def take(self) -> Edited | None:
        """Close the input. Returns the message about its text, None if that is what the field had before."""
        path, text = self._editing, self.query_one(LineInput).value.strip()
        changed = self.editing and text != self._opened_with
        self._close()
        return self.Edited(path, text) if changed else None

    def _close(self) -> None:
        self._editing = ""
        self.query_one(LineInput).display = False
        self.rows.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.commit()

    def on_line_input_canceled(self, event: LineInput.Canceled) -> None:
        event.stop()
        self._close()
        self.post_message(self.Typing("", ""))

    def step(self, by: int) -> None:
        """Step to another choice of the field under the cursor, without opening the list."""
        field = self.field
        choices = field.choices if field is not None and field.param.type != "ops" else ()
        if field is None or len(choices) < 2:
            return
        at = choices.index(field.text) if field.text in choices else 0
        self.post_message(self.Edited(field.path, choices[(at + by) % len(choices)]))
