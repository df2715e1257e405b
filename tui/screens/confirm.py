"""A question with buttons: arrows and Enter, or the first letter of a button."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.keys.common import DIALOG, bindings
from tui.screens.dialog import Dialog
from tui.widgets.key_order import OpensWithButtons

_TAKEN = {letter for key in DIALOG for letter in key.key.split(",")}


class Confirm(Dialog[str | None], OpensWithButtons):
    """Ask a question. Dismisses with the id of the chosen button, or with None when closed.

    Args:
        title: the question in a few words.
        body: what will happen, as plain text without markup.
        buttons: (id, label) pairs whose labels start with different letters.
        default: index of the button that has the focus first; choose a harmless one where the action cannot be undone.
    """

    KEYS = DIALOG
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(DIALOG),
        *(Binding(letter, f"press('{letter}')", show=False) for letter in ascii_lowercase if letter not in _TAKEN),
    ]

    def __init__(self, title: str, body: str, buttons: Sequence[tuple[str, str]], default: int = 0) -> None:
        super().__init__()
        self._heading = title
        self._body = body
        self._buttons = list(buttons)
        self._default = default

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(self._heading), classes="dialog-title")
            yield Static(Content(self._body), classes="dialog-body")
            with Horizontal(classes="dialog-buttons"):
                for name, label in self._buttons:
                    yield Button(Content(label), id=name, compact=True)

    def on_mount(self) -> None:
        self.set_focus(list(self.query(Button))[self._default])  # `focus` of the button would wait for the next message
        self.has_buttons = True

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id)

    def action_press(self, letter: str) -> None:
        """Choose the first button whose label starts with the letter."""
        for name, label in self._buttons:
            if label.lower().startswith(letter):
                self.dismiss(name)
                return

    def action_cancel(self) -> None:
        self.dismiss(None)
