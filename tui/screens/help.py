"""The help, generated from the key tables: the keys of the current screen first, then all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from tui.drawing.lines import Line, fit, heading, wrap
from tui.keys.common import DIALOG, GLOBAL, MOVING, bindings
from tui.keys.key import Key, key_names
from tui.keys.tables import TABLES, TITLES
from tui.screens.dialog import Dialog
from tui.widgets.key_line import HintLine
from tui.widgets.line_list import LineList

KEYS = (Key("q,escape,question_mark,f1", "app.pop_screen", "close", "Close the help."),)


def sections(mode: str) -> list[tuple[str, Sequence[Key]]]:
    """(title, keys) in order: the current screen, keys that work everywhere, lists, other screens, dialogs."""
    others = [(TITLES[name], table) for name, table in TABLES.items() if name != mode]
    own = [(TITLES[mode], TABLES[mode])] if mode in TABLES else []
    return [*own, ("Everywhere", GLOBAL), ("Lists and forms", MOVING), *others, ("Dialogs", DIALOG)]


def key_sheet(mode: str, width: int) -> list[Line]:
    """All keys with their help as lines of `width` cells."""
    lines: list[Line] = []
    for title, table in sections(mode):
        if lines:
            lines.append([])
        lines.append(heading(title, width))
        column = max(len(key_names(key)) for key in table) + 3
        for key in table:
            first, *rest = wrap(key.help, width - column - 1) or [""]
            lines.append([(" ", ""), (fit(key_names(key), column - 1), "key"), (first, "")])
            lines += [[(" " * column, ""), (more, "")] for more in rest]
    return lines


class KeySheet(LineList):
    """The lines of the help; the cursor only scrolls."""

    def __init__(self, mode: str) -> None:
        super().__init__(id="sheet")
        self._mode = mode
        self._width = 0
        self._lines: list[Line] = []

    def row_count(self) -> int:
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._lines = key_sheet(self._mode, width)
        return len(self._lines)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        return self._lines[row]


class Help(Dialog[None]):
    """All keys, with those of the screen `mode` first."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall"):
            yield KeySheet(self._mode)
            yield HintLine((("j k", "scroll"), ("ctrl+p", "all actions by name"), ("q", "close")))

    def on_mount(self) -> None:
        self.query_one(KeySheet).focus()
