"""The form: the list of fields, and one input that appears on a field while it is edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from tui.forms.fields import Field
from tui.forms.form_rows import FormRows
from tui.forms.layout import TALL, TALLEST, WIDE
from tui.forms.rows import FormRow, arrange, box_cells, box_column, half_of
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList


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
        yield FormRows(self._choose)
        yield LineInput(id="edit").hidden()

    @property
    def rows(self) -> FormRows:
        return self.query_one(FormRows)

    @property
    def field(self) -> Field | None:
        """The field under the cursor."""
        return self.rows.field

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
        if self._place_of(path) is None:
            self._everything, self._find = True, ""
        self._arrange(path)

    def _all(self) -> bool:
        return self.app.size.height >= TALL if self._everything is None else self._everything

    def _arrange(self, path: str) -> None:
        rows = self.rows
        everything = self._all()
        pairs = everything and self.app.size.width >= WIDE and self.app.size.height >= TALLEST
        rows.rows = arrange(self._fields, everything=everything, find=self._find, bad=rows.problems, pairs=pairs)
        place = self._place_of(path)
        rows.reload()
        rows.put_cursor(*(place or (rows.cursor, 0)))
        if self._editing and self.field is not None:
            self._place_input(self.field)
        self.post_message(self.CursorMoved(self.field))

    def _place_of(self, path: str) -> tuple[int, int] | None:
        """The row and the column of a field; None if it is not shown."""
        places = (
            (at, column)
            for at, row in enumerate(self.rows.rows)
            for column, field in enumerate(row.fields)
            if field.path == path
        )
        return next(places, None)

    # --- editing ----------------------------------------------------------------------------------------------

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        event.stop()
        self.post_message(self.CursorMoved(self.field))

    def _choose(self, row: FormRow) -> None:
        if row.more:
            self.toggle_more()
        elif (field := self.field) is not None and field.picked:
            self.post_message(self.ChoicesRequested(field))
        elif field is not None:
            self.edit(field)

    def edit(self, field: Field) -> None:
        """Open the input on the row under the cursor."""
        edit = self.query_one(LineInput)
        self._editing, self._opened_with = field.path, field.text
        self._place_input(field)
        edit.edit(field.text)

    def _place_input(self, field: Field) -> None:
        """Put the input over the box of the row under the cursor; rows above it may come and go while it is open."""
        rows, edit = self.rows, self.query_one(LineInput)
        width, half = rows.scrollable_content_region.width, rows.rows[rows.cursor].halved
        left = half_of(width) * rows.column if half else 0
        width = half_of(width) if half else width
        edit.styles.width = box_cells(field, width, half=half) + 1
        edit.styles.offset = (left + box_column(width, half=half) + 2, rows.cursor - rows.scroll_offset.y)

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
