"""Ask for one line of text: tags, a note, the name of a preset."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from engine.contract.errors import BadInput
from tui.keys.common import bindings
from tui.keys.key import Key
from tui.screens.dialog import Dialog
from tui.widgets.key_line import TYPING, HintLine
from tui.widgets.key_order import OpensWithInput
from tui.widgets.line_input import LineInput

KEYS = (
    Key("escape", "cancel", "cancel", "Close without changing anything."),
    Key("enter", "submit", "accept", "Accept the text."),
)


class Prompt(Dialog[str | None], OpensWithInput):
    """Ask for a line. Dismisses with the text, which may be empty, or with None when cancelled.

    Args:
        title: what is asked for.
        body: an example, or what the text is used for.
        value: the text to start with.
        check: returns the problem with a text, "" if there is none; the prompt stays open until there is none.
    """

    KEYS = KEYS
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
            yield LineInput(self._value)
            yield Static(Content(""), id="wrong")
            yield HintLine(TYPING)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one("#wrong", Static).update(Content(wrong))
            self.query_one(LineInput).stay()
        else:
            self.dismiss(event.value)

    def on_line_input_canceled(self) -> None:
        self.dismiss(None)

    def action_cancel(self) -> None:
        self.dismiss(None)


def check_with(parse: Callable[[str], object]) -> Callable[[str], str]:
    """A check for `Prompt`: the message of the BadInput that `parse` raises."""

    def check(text: str) -> str:
        try:
            parse(text)
        except BadInput as error:
            return str(error)
        return ""

    return check
