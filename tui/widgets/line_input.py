"""A one-line input that can be canceled."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.widgets.key_line import KeyLine


class LineInput(Input):
    """Enter posts `Submitted`, Esc posts `Canceled`; the screen decides what follows.

    While the input has the focus, the screen's key line shows these two keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    class Canceled(Message):
        """Esc was pressed."""

        def __init__(self, source: LineInput) -> None:
            super().__init__()
            self.source = source

        @property
        def control(self) -> LineInput:
            return self.source

    def __init__(self, *, id: str, placeholder: str = "", select_on_focus: bool = True) -> None:
        super().__init__(id=id, placeholder=placeholder, select_on_focus=select_on_focus, compact=True)

    def hidden(self) -> LineInput:
        """Hide the input until it is needed, and return it."""
        self.display = False
        return self

    def on_focus(self) -> None:
        self._show_keys(typing=True)

    def on_blur(self) -> None:
        self._show_keys(typing=False)

    def _show_keys(self, *, typing: bool) -> None:
        for line in self.screen.query(KeyLine):
            line.set_typing(typing)

    def action_cancel(self) -> None:
        self.post_message(self.Canceled(self))
