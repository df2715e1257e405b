"""Choose one option from a list: presets, parts, sort columns. `/` filters the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.contract.text import one_line
from tui.drawing.lines import Line, fit, nothing
from tui.forms.options import Option
from tui.keys.common import bindings
from tui.keys.key import Key
from tui.screens.dialog import Dialog
from tui.widgets.key_line import HintLine
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList
from tui.widgets.pane import Pane

if TYPE_CHECKING:  # with NumPy, which the first screen does without
    from tui.forms.choices import About

KEYS = (
    Key("slash", "find", "find", "Show only the options that contain what you type.", footer=1),
    Key("q,escape", "cancel", "cancel", "Close without choosing.", footer=2),
)

KEY_HINTS: Final = (("enter", "choose"), ("/", "find"), ("q", "close"))
"""The keys while the search line is closed."""


MOST_ROWS: Final = 14
LEAST_ROWS: Final = 5
"""Rows of the list at most, and at least where something stands below it."""
ABOUT: Final = 9
"""Rows of what is told about the option under the cursor."""
REST_SECONDS: Final = 0.15


class OptionRows(LineList):
    """The options as rows of label and detail."""

    def __init__(self, options: Sequence[Option], chosen: str) -> None:
        super().__init__(id="options")
        self._all = list(options)
        self._chosen = chosen
        self._label_width = min(28, max((len(option.label) for option in options), default=0))
        self.options = self._all

    def row_count(self) -> int:
        return len(self.options)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        option = self.options[row]
        mark = "●" if option.value == self._chosen else " "
        return [
            ("▸" if at_cursor else " ", "mark"),
            (mark, "live"),
            (fit(option.label, self._label_width) + "  ", "strong" if at_cursor else ""),
            (option.detail, "dim"),
        ]

    def filter_options(self, text: str) -> None:
        """Keep the options that contain every word of `text`. Labels that start with the first word come first."""
        words = text.lower().split()
        found = [o for o in self._all if all(w in f"{o.label} {o.detail}".lower() for w in words)]
        first = words[0] if words else ""
        labels = {option: option.label.lower() for option in found}
        self.options = sorted(found, key=lambda o: (not labels[o].startswith(first), first not in labels[o]))
        self.nothing = [(f"  no option contains {one_line(text, 30)!r}", "dim")]
        self.cursor = 0
        self.reload()


class Pick(Dialog[str | None]):
    """Show options. Dismisses with the value of the chosen one, or with None when closed.

    Args:
        title: what is chosen.
        options: the options in order.
        chosen: the current value, on which the cursor starts.
        about: what stands below the list about the option under the cursor; None for nothing.
    """

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self, title: str, options: Sequence[Option], chosen: str = "", about: About | None = None) -> None:
        super().__init__()
        self._about = about
        self._timer: Timer | None = None
        self._heading = title
        self._options = list(options)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static(Content(self._heading), classes="dialog-title")
            rows = OptionRows(self._options, self._chosen)
            most = min(max(self.app.size.height - ABOUT - 8, LEAST_ROWS), MOST_ROWS) if self._about else MOST_ROWS
            rows.styles.height = max(1, min(len(self._options), most))
            yield rows
            if self._about:
                yield Pane(id="about")
            yield LineInput(id="find", placeholder="find").hidden()
            yield HintLine(KEY_HINTS)

    def on_mount(self) -> None:
        rows = self.query_one(OptionRows)
        rows.focus()
        values = [option.value for option in self._options]
        if self._chosen in values:
            rows.cursor = values.index(self._chosen)
        self._show_about()

    def on_line_list_moved(self) -> None:
        """Show what is told about an option once the cursor rests on it."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REST_SECONDS, self._show_about)

    def _show_about(self) -> None:
        rows = self.query_one(OptionRows)
        if self._about is not None:
            drawing = self._about(rows.options[rows.cursor].value) if rows.options else nothing
            self.query_one("#about", Pane).paint(drawing)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        self.dismiss(self.query_one(OptionRows).options[event.row].value)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(OptionRows).filter_options(event.value)
        self.on_line_list_moved()

    def on_input_submitted(self) -> None:
        rows = self.query_one(OptionRows)
        if rows.options:
            self.dismiss(rows.options[rows.cursor].value)
        else:
            self.query_one("#find", LineInput).stay()

    def on_line_input_canceled(self) -> None:
        """Close the search line and show all options again."""
        find = self.query_one("#find", Input)
        find.value = ""
        find.display = False
        self.query_one(HintLine).set_pairs(KEY_HINTS)
        self.query_one(OptionRows).focus()

    def action_find(self) -> None:
        self.query_one(HintLine).set_pairs((("enter", "choose"), ("esc", "show all")))
        find = self.query_one("#find", LineInput)
        find.edit(find.value)

    def action_cancel(self) -> None:
        self.dismiss(None)
