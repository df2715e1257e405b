"""The last line of every screen: its most important keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.drawing.lines import Line, width_of
from tui.widgets.pane import Pane

Pairs = Sequence[tuple[str, str]]
"""(key, label) in order of importance."""
_STAY = ("q", "?")
"""Keys that stay if not all keys fit."""


def key_line(pairs: Pairs, width: int) -> Line:
    """As many keys and labels as fit. `q` and `?` always stay; from 100 columns on `:` is added."""
    wide = width >= 100
    inner = [(key, label) for key, label in pairs if key not in _STAY]
    tail = [(key, label) for key, label in pairs if key == "q"]
    tail.append(("?", "all keys" if wide else ""))
    if wide:
        tail.append((":", "palette"))
    while inner and width_of(_line([*inner, *tail])) > width:
        inner.pop()
    return _line([*inner, *tail])


def _line(pairs: Pairs) -> Line:
    line: Line = []
    for i, (key, label) in enumerate(pairs):
        line += [("  " if i else " ", ""), (key, "key"), (f" {label}" if label else "", "dim")]
    return line


TYPING: Final = (("enter", "ok"), ("esc", "cancel"))
"""The keys while a text is being typed, when all other keys are its letters."""


class KeyLine(Pane):
    """Shows the keys that it is given; `set_pairs` replaces them."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; }"

    def __init__(self, pairs: Pairs = (), *, id: str | None = None) -> None:
        super().__init__(lambda width, height: [self._line(width)], id=id)
        self._pairs = list(pairs)
        self._typing = False

    def _line(self, width: int) -> Line:
        return _line(TYPING) if self._typing else key_line(self._pairs, width)

    def set_typing(self, typing: bool) -> None:
        """Show the keys for typing a text, or the screen's keys again."""
        self._typing = typing
        self.redraw()

    def set_pairs(self, pairs: Pairs) -> None:
        """Show other keys from now on."""
        if list(pairs) != self._pairs:
            self._pairs = list(pairs)
            self.redraw()
