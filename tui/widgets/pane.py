"""A pane shows one drawing and repaints only the rows that changed.

A drawing is a function of (width, height) that returns lines, so all drawing is pure and is tested as text. The pane
calls the drawing again when its size changes, and compares the result with what is on the screen.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.events import Resize

from engine.contract.text import clean
from tui.drawing.format import Glyphs, glyphs_of_locale, to_ascii
from tui.drawing.lines import PANE_ROLES, Drawing, nothing
from tui.widgets.line_list import LineView

_BLANKS: Final = str.maketrans("\t\n", "  ")


def _safe(text: str) -> str:
    """Text without control characters, whoever wrote it: the last check before the screen."""
    return clean(text).translate(_BLANKS)


class Pane(LineView):
    """Shows one drawing. The colors are Okabe and Ito's: safe for color-blind readers, distinct in 256 colors."""

    LINE_ROLES: ClassVar[tuple[str, ...]] = (*LineView.LINE_ROLES, *PANE_ROLES)
    DEFAULT_CSS = """
    Pane {
        & > .line--test, & > .line--run-0 { color: #5fafff; }
        & > .line--train, & > .line--run-1 { color: #ffaf00; }
        & > .line--baseline { color: #949494; }
        & > .line--reported, & > .line--run-3 { color: #d787af; }
        & > .line--clean, & > .line--run-2 { color: #00af87; }
        & > .line--other, & > .line--run-5 { color: #87d7ff; }
        & > .line--run-4 { color: #d7d75f; }
        & > .line--bar { color: #5f87af; }
        & > .line--hot { color: #ff8700; }
        & > .line--tab { text-style: reverse; }
    }
    Pane:light {
        & > .line--test, & > .line--run-0 { color: #005faf; }
        & > .line--train, & > .line--run-1 { color: #af5f00; }
        & > .line--baseline { color: #767676; }
        & > .line--reported, & > .line--run-3 { color: #af5f87; }
        & > .line--clean, & > .line--run-2 { color: #00875f; }
        & > .line--other, & > .line--run-5 { color: #0087af; }
        & > .line--run-4 { color: #878700; }
        & > .line--hot { color: #d75f00; }
    }
    """

    def __init__(self, drawing: Drawing = nothing, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawing = drawing

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can show: the app's `glyphs` setting, or what the locale allows."""
        chosen: Glyphs = getattr(self.app, "glyphs", None) or glyphs_of_locale()
        return chosen

    def paint(self, drawing: Drawing) -> None:
        """Show another drawing from now on."""
        self._drawing = drawing
        self.redraw()

    def redraw(self) -> None:
        """Draw again and repaint the rows that differ from those on the screen."""
        width, height = self.size
        if not width or not height:
            return
        shown = to_ascii if self.glyphs == "ascii" else str
        lines = self._drawing(width, height)[:height]
        self.show([[(shown(_safe(text)), role) for text, role in line] for line in lines])

    def on_resize(self, event: Resize) -> None:
        self.redraw()
