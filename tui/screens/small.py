"""What is shown on a terminal that is too small to show anything."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.screens.dialog import Dialog

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 18


class TooSmall(Dialog[None]):
    """Asks for a larger terminal; goes away by itself when it has become one."""

    def compose(self) -> ComposeResult:
        yield Static(Content(f"enlarge the terminal to {MIN_WIDTH}x{MIN_HEIGHT}; runs go on"), id="small")
