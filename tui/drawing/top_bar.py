"""The line of sections at the top of every screen, quick to import, since the first frame is painted from it."""

from __future__ import annotations

from rich.cells import cell_len

from engine.contract.text import one_line
from tui.drawing.lines import Line, clip, width_of
from tui.sections import MODES


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
