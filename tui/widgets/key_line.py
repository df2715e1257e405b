"""The last line of every screen: its most important keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.drawing.lines import Line, hints, width_of
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane

Pairs = Sequence[tuple[str, str]]
"""(key, label) in order of importance."""
MOST_NARROW: Final = 6
"""How many hints a key line of fewer than 100 columns shows at most, besides `?` and `:`."""


def key_line(pairs: Pairs, width: int) -> Line:
    """As many keys and labels as fit, then the ways to all others, `?` and `:`, which always stay."""
    narrow = width < 100
    inner = [pair for pair in pairs if pair[0] not in ("q", "?")][: MOST_NARROW if narrow else None]
    back = [] if narrow else [pair for pair in pairs if pair[0] == "q"]
    long, short = (("?", "keys"), (":", "palette")), (("?", ""), (":", ""))
    tail = short if narrow and width_of(_line([*inner, *long])) > width else long
    while inner and width_of(_line([*inner, *back, *tail])) > width:
        inner.pop()
    return _line([*inner, *back, *tail])


def _line(pairs: Pairs) -> Line:
    return [(" ", ""), *hints(pairs)]


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


class HintLine(LineView):
    """The keys of a dialog, in its last line."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(classes="dialog-keys")
        self.set_pairs(pairs)

    def set_pairs(self, pairs: Pairs, note: str = "") -> None:
        """Show other keys from now on, with a note behind them."""
        self.show([[*hints(pairs, gap="   "), (note, "dim")]])
