"""A pane shows one drawing and repaints only the rows that changed.

A drawing is a function of (width, height) that returns lines, so all drawing is pure and is tested as text. The pane
calls the drawing again when its size changes, and compares the result with what is on the screen.
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

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can show."""
        return glyphs_of(self)

    def paint(self, drawing: Drawing) -> None:
        """Show another drawing from now on."""
        self._drawing = drawing
        self.redraw()

    def redraw(self) -> None:
        """Draw again and repaint the rows that differ from those on the screen."""
        width, height = self.size
        if not width or not height:
            return
        lines = self._drawing(width, height)[:height]
        self.show([[(_safe(text), role) for text, role in line] for line in lines])

    def on_resize(self, event: Resize) -> None:
        self.redraw()
