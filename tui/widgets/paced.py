"""Screens that draw no faster than the terminal takes what they have drawn."""

from __future__ import annotations

import select
import sys
from typing import Any

from textual.screen import Screen


class Paced(Screen[Any]):
    """A screen that repaints only while the terminal takes output.

    Textual queues up to thirty repaints for a terminal that is slower than the program. On a slow connection, a key
    that is held down would go on scrolling for seconds after it was released. Here, changes collect while the output
    is blocked, and the next repaint shows the latest state, so that at most one page is out of date.
    """

    def _on_timer_update(self) -> None:
        if self.app.is_headless or takes_output():
            super()._on_timer_update()  # else the timer comes back with the next frame


def takes_output() -> bool:
    """Whether the terminal that Textual writes to has room for more."""
    assert sys.__stderr__ is not None, "Textual runs on a terminal"
    return bool(select.select([], [sys.__stderr__], [], 0)[1])
