"""Choose the columns of Results. Each choice applies at once, so that the table behind shows it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.drawing.lines import Line, fit
from tui.drawing.run_columns import ALWAYS, COLUMNS, DEFAULT
from tui.keys.common import bindings
from tui.keys.key import Key
from tui.screens.dialog import Dialog
from tui.widgets.line_list import LineList

KEYS: Final = (
    Key("space", "switch", "show or hide", "Show the column, or hide it.", footer=1),
    Key("0", "reset", "reset", "Show the columns that are shown by default.", footer=2),
    Key("q,escape,c", "cancel", "close", "Close; the choice is kept.", footer=3),
)
_NAMES: Final = {"interval": "interval", "state": "status"}
"""Columns that are called otherwise here than in the head of the table."""
NARROW: Final = "A column that does not fit drops out until the terminal is wider."


class ColumnRows(LineList):
    """The columns as rows of a box, a name and what the column shows."""

    def __init__(self, chosen: Collection[str]) -> None:
        super().__init__(id="options")
        self._columns = list(COLUMNS.values())
        self.chosen = set(chosen)

    def row_count(self) -> int:
        return len(self._columns)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        column = self._columns[row]
        always = column.key in ALWAYS
        box = "[x]" if always or column.key in self.chosen else "[ ]"
        return [
            ("▸" if at_cursor else " ", "mark"),
            (f"{box} ", "dim" if always else "key"),
            (fit(_NAMES.get(column.key, column.head), 12), "strong" if at_cursor else ""),
            (column.what + (" (always)" if always else ""), "dim"),
        ]

    def toggle(self) -> None:
        """Show or hide the column under the cursor."""
        key = self._columns[self.cursor].key
        if key not in ALWAYS:
            self.set_chosen(self.chosen ^ {key})

    def set_chosen(self, chosen: Collection[str]) -> None:
        """Show exactly these columns."""
        self.chosen = set(chosen)
        self.reload()


class ChooseColumns(Dialog[None]):
    """Show the columns with a box each.

    Args:
        chosen: keys of the columns that are shown.
        apply: called with the keys after every change.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self, chosen: Collection[str], apply: Callable[[frozenset[str]], object]) -> None:
        super().__init__()
        self._chosen = chosen
        self._apply = apply

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static(Content("Columns of Results"), classes="dialog-title")
            rows = ColumnRows(self._chosen)
            rows.styles.height = len(COLUMNS)
            yield rows
            yield Static(Content(NARROW), classes="dialog-body")
            yield Static(Content("space show or hide   0 reset   q close"), classes="dialog-keys")

    def on_mount(self) -> None:
        self.query_one(ColumnRows).focus()

    def on_line_list_chosen(self) -> None:
        self.action_switch()

    def action_switch(self) -> None:
        rows = self.query_one(ColumnRows)
        rows.toggle()
        self._apply(frozenset(rows.chosen))

    def action_reset(self) -> None:
        self.query_one(ColumnRows).set_chosen(DEFAULT)
        self._apply(DEFAULT)

    def action_cancel(self) -> None:
        self.dismiss(None)
