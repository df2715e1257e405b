"""A one-line input that takes the keys at once and can be canceled."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from tui.widgets.key_line import KeyLine


class LineInput(Input):
    """Enter posts `Submitted`, Esc posts `Canceled`; the screen decides what follows.

    While the input has the focus, the screen's key line shows these two keys.

    Args:
        value: the text to start with.
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

    def __init__(self, value: str = "", *, id: str | None = None, placeholder: str = "") -> None:
        super().__init__(value, id=id, placeholder=placeholder, select_on_focus=False, compact=True)
        self.is_closing = False
        """Whether Enter or Esc was pressed, and the screen has not yet given the keys to something else."""

    def hidden(self) -> LineInput:
        """Hide the input until it is needed, and return it."""
        self.display = False
        return self

    def edit(self, text: str = "") -> None:
        """Show the input with a text, which the first letter replaces, and give it the keys.

        It has the focus when this returns, unlike with `focus()`: the next letters may have arrived already, and would
        be taken for keys of the screen.
        """
        self.stay()
        self.display = True
        self.value = text
        self.selection = Selection(0, len(text))
        self.screen.set_focus(self)

    def write(self, letters: str) -> None:
        """Put letters in place of the selected text, or at the cursor."""
        if self.selection.is_empty:
            self.insert_text_at_cursor(letters)
        else:
            self.replace(letters, *self.selection)

    def stay(self) -> None:
        """Take keys again after Enter, because the text is not accepted."""
        self.is_closing = False

    def on_focus(self) -> None:
        self._show_keys(typing=True)

    def on_blur(self) -> None:
        self._show_keys(typing=False)

    def _show_keys(self, *, typing: bool) -> None:
        for line in self.screen.query(KeyLine):
            line.set_typing(typing)

    async def action_submit(self) -> None:
        self.is_closing = True
        await super().action_submit()

    def action_cancel(self) -> None:
        self.is_closing = True
        self.post_message(self.Canceled(self))
