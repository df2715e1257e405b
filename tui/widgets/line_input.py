"""An input of one line that can be given up."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class LineInput(Input):
    """Enter accepts (`Submitted`), Esc gives up (`GaveUp`); what that means is its screen's business."""

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

    def action_give_up(self) -> None:
        self.post_message(self.GaveUp(self))
