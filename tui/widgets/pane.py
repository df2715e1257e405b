"""A pane: it is given a picture, and sends only the rows that changed.

A picture is a function of (width, height) that returns lines. All drawing is therefore pure and tested as text; the
pane calls the picture again when its size changes, and compares what it gets with what is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.events import Resize

from engine.contract.text import clean
from tui.drawing.format import Glyphs, glyphs_of_locale, to_ascii
from tui.drawing.lines import Line, clip
from tui.widgets.line_list import LineView

_BLANKS: Final = str.maketrans("\t\n", "  ")
Picture = Callable[[int, int], list[Line]]
"""(width, height) in cells -> at most `height` lines of at most `width` cells."""

SERIES_ROLES: Final = ("test", "train", "baseline", "reported", "clean", "other")
RUN_ROLES: Final = tuple(f"run-{i}" for i in range(6))
"""Styles of overlaid runs, in the order of the marks."""
PANE_ROLES: Final = (*SERIES_ROLES, *RUN_ROLES, "bar", "hot", "tab")


def nothing(width: int, height: int) -> list[Line]:
    """The empty picture."""
    return []


def heading(title: str, width: int, rights: Sequence[str] = (), role: str = "dim") -> Line:
    """A rule with a title, and at its right end the first of `rights` that fits, drawn in `role`."""
    left = f"─ {title} "
    for right in rights:
        rest = width - cell_len(left) - cell_len(right) - 3
        if right and rest >= 1:
            return [("─ ", "rule"), (title, "strong"), (f" {'─' * rest} ", "rule"), (right, role), (" ─", "rule")]
    return clip([("─ ", "rule"), (title, "strong"), (f" {'─' * max(width - cell_len(left), 0)}", "rule")], width)


def _safe(text: str) -> str:
    """Text without anything that steers a terminal, whoever wrote it: the last gate before the screen."""
    return clean(text).translate(_BLANKS)


class Pane(LineView):
    """Shows one picture. Colours are Okabe and Ito's, readable by the colour-blind and apart in 256 colours."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{role}" for role in PANE_ROLES}
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

    def __init__(self, picture: Picture = nothing, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._picture = picture

    @property
    def glyphs(self) -> Glyphs:
        """What the terminal can show: the app's `glyphs` where it says so, else what the locale allows."""
        chosen: Glyphs = getattr(self.app, "glyphs", None) or glyphs_of_locale()
        return chosen

    def paint(self, picture: Picture) -> None:
        """Show another picture from now on."""
        self._picture = picture
        self.redraw()

    def redraw(self) -> None:
        """Call the picture and send the rows that differ from those on the screen."""
        width, height = self.size
        if not width or not height:
            return
        shown = to_ascii if self.glyphs == "ascii" else str
        lines = self._picture(width, height)[:height]
        self.show([[(shown(_safe(text)), role) for text, role in line] for line in lines])

    def on_resize(self, event: Resize) -> None:
        self.redraw()
