"""Screens that are drawn no faster than the terminal can."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from tui.widgets.acknowledged import AcknowledgedDriver


class Paced(Screen[Any]):
    """A screen that repaints only when the terminal has drawn nearly everything before.

    Textual queues up to thirty repaints for a terminal that is slower than the program, and the connection queues more.
    On a slow one, a key that is held down would go on scrolling for seconds after it was released. Here, changes
    collect while the terminal is behind, and the next repaint shows the latest state, so that at most one page is out
    of date. With another driver than ours, such as the one without a terminal, nothing waits.
    """

    def _on_timer_update(self) -> None:
        driver = self.app._driver  # Textual has no public name for it
        if not isinstance(driver, AcknowledgedDriver) or driver.takes_more:
            super()._on_timer_update()  # else the timer comes back with the next frame
