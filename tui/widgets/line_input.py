"""An input of one line that can be given up."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.widgets.key_line import KeyLine


class LineInput(Input):
    """Enter accepts (`Submitted`), Esc gives up (`GaveUp`); what that means is its screen's business.

    The key line of the screen says so while the line is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]

    class GaveUp(Message):
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
        """Itself, not shown until somebody asks for it."""
        self.display = False
        return self

    def on_focus(self) -> None:
        self._say_keys(typing=True)

    def on_blur(self) -> None:
        self._say_keys(typing=False)

    def _say_keys(self, *, typing: bool) -> None:
        for line in self.screen.query(KeyLine):
            line.set_typing(typing)

    def action_give_up(self) -> None:
        self.post_message(self.GaveUp(self))
