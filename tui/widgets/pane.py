"""A pane shows one drawing and repaints only the rows that changed.

A drawing is a function of (width, height) that returns lines, so all drawing is pure and is tested as text. The pane
calls the drawing again when its size changes, and compares the result with what is on the screen. A screen that says
what a drawing shows can paint all of its panes at each key: only those are drawn again that show something else.
"""

from __future__ import annotations

from typing import Final

from textual.events import Resize

from engine.contract.text import clean
from tui.drawing.format import Glyphs
from tui.drawing.lines import Drawing, nothing
from tui.widgets.line_list import LineView, glyphs_of

_BLANKS: Final = str.maketrans("\t\n", "  ")


def _safe(text: str) -> str:
    """Text without control characters, whoever wrote it: the last check before the screen."""
    return clean(text).translate(_BLANKS)


class Pane(LineView):
    """Shows one drawing."""

    def __init__(self, drawing: Drawing = nothing, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawing = drawing
        self._subject: object = None
        """What the drawing shows, and on which terminal; None if that was not said."""

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can show."""
        return glyphs_of(self)

    def paint(self, drawing: Drawing, shown: object = None) -> None:
        """Show another drawing from now on; one that shows the same as the last one is not called.

        Args:
            shown: equal as long as the drawing would be the same in the same cells; None draws always. What it consists
                of must never be changed in place.
        """
        if not self.shows(shown):
            self._drawing, self._subject = drawing, self._on_terminal(shown)
            self.redraw()

    def shows(self, shown: object) -> bool:
        """Whether the last drawing was painted as one that shows this."""
        return shown is not None and self._on_terminal(shown) == self._subject

    def _on_terminal(self, shown: object) -> object:
        return None if shown is None else (shown, self.glyphs, self.app.no_color)

    def redraw(self) -> None:
        """Draw again and repaint the rows that differ from those on the screen."""
        width, height = self.size
        if not width or not height:
            return
        lines = self._drawing(width, height)[:height]
        self.show([[(_safe(text), role) for text, role in line] for line in lines])

    def on_resize(self, event: Resize) -> None:
        self.redraw()
