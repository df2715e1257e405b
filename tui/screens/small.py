"""The message shown in a terminal that is too small for the workbench."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.screens.dialog import Dialog

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 18


class TooSmall(Dialog[None]):
    """Asks for a larger terminal; the app removes it when the terminal is large enough."""

    def compose(self) -> ComposeResult:
        text = f"Enlarge the terminal to at least {MIN_WIDTH}x{MIN_HEIGHT}.\nTraining continues."
        yield Static(Content(text), id="small")
