"""One line of text from the user: a tag, a note, a preset's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.keys.common import bindings
from tui.keys.key import Key
from tui.screens.dialog import Dialog

KEYS = (
    Key("escape", "cancel", "cancel", "Close without changing anything."),
    Key("enter", "submit", "accept", "Take the text."),
)


class Prompt(Dialog[str | None]):
    """Ask for a line; dismisses with the text (which may be empty), or None when closed.

    Args:
        title: what is asked.
        body: an example or what happens with it.
        value: the text to start from.
        check: returns what is wrong with a text ("" when nothing is); the prompt stays open until it is right.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS[:1])

    def __init__(self, title: str, body: str, value: str = "", check: Callable[[str], str] | None = None) -> None:
        super().__init__()
        self._heading = title
        self._body = body
        self._value = value
        self._check = check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(self._heading), classes="dialog-title")
            yield Static(Content(self._body), classes="dialog-body")
            yield Input(self._value, compact=True, select_on_focus=False)
            yield Static(Content(""), id="wrong")
            yield Static(Content("enter ok   esc cancel"), classes="dialog-keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one("#wrong", Static).update(Content(wrong))
        else:
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)
