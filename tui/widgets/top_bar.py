"""The first line of every screen: the sections with their keys, the host, and its running and queued runs."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len

from engine.contract.run.process import host_name
from engine.contract.text import one_line
from tui.drawing.lines import Line, clip, width_of
from tui.keys.common import MODES
from tui.widgets.pane import Pane

REFRESH_SECONDS: Final = 2.0


def top_bar(mode: str, host: str, running: int, queued: int, width: int) -> Line:
    """The line. The current section stands out even without color, in reverse video."""
    wide = width >= 100
    line = _sections(mode, wide, titles=True)
    if width_of(line) > width:
        line = _sections(mode, wide, titles=False)
    gap, running_word, queued_word = ("   ", " running", " queued") if wide else (" ", "", "")
    blank = " " if wide else ""
    counts: Line = [(f"{gap}●{blank}{running}{running_word}", "live")] if running else []
    counts += [(f"{gap}◌{blank}{queued}{queued_word}", "dim")] if queued else []
    room = max(width - width_of(line) - width_of(counts) - 2, 0)
    name = one_line(host, room)
    return clip([*line, (" " * (room - cell_len(name) + 1), ""), (name, "dim"), *counts], width)


def _sections(mode: str, wide: bool, titles: bool) -> Line:
    """Numbers and titles of the sections; without `titles` only the current section shows its title."""
    line: Line = []
    for number, (name, title) in enumerate(MODES.items(), start=1):
        line.append((" " if wide and line else "", ""))
        if name == mode:
            line.append((f" {number} {title} ", "tab"))
        else:
            line += [(" ", ""), (f"{number}", "key"), (f" {title} " if titles else " ", "")]
    return line


class TopBar(Pane):
    """The top bar; it takes the section and the counts from the app."""

    DEFAULT_CSS = "TopBar { dock: top; height: 1; }"

    def __init__(self) -> None:
        super().__init__(self._draw)

    def on_mount(self) -> None:
        self.set_interval(REFRESH_SECONDS, self._update_counts)

    def _update_counts(self) -> None:
        if self.screen.is_current:
            self.redraw()

    def _draw(self, width: int, height: int) -> list[Line]:
        session = getattr(self.app, "session", None)
        live = [row.status for row in session.live()] if session is not None else []
        queued = live.count("queued")
        return [top_bar(self.app.current_mode, host_name().split(".")[0], len(live) - queued, queued, width)]
