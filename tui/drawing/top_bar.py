"""The line of sections at the top of every screen, quick to import, since the first frame is painted from it."""

from __future__ import annotations

from engine.contract.text import one_line
from tui.drawing.lines import Line, clip, width_of
from tui.sections import MODES


def top_bar(mode: str, host: str, running: int, queued: int, width: int) -> Line:
    """The line. The current section is in reverse video, so that it is readable without color."""
    wide = width >= 100
    line = _sections(mode, wide, titles=True)
    if width_of(line) > width:
        line = _sections(mode, wide, titles=False)
    counts = "  ".join(f"{n} {word}" for n, word in ((running, "running"), (queued, "queued")) if n)
    tail = f"  {counts}" if wide and counts else f"  ●{running}" if running and not wide else ""
    room = width - width_of(line) - len(tail) - 1
    name = one_line(host, max(room - 1, 0))
    right = f"{name}{tail}"
    return clip([*line, (" " * max(width - width_of(line) - len(right) - 1, 1), ""), (right, "dim")], width)


def _sections(mode: str, wide: bool, titles: bool) -> Line:
    """Numbers and titles of the sections; without `titles` only the current section shows its title."""
    line: Line = []
    for number, (name, title) in enumerate(MODES.items(), start=1):
        here = name == mode
        gap = "" if number == 1 else "  " if wide else " "
        line += [(f"{gap} ", ""), (f"{number}", "tab" if here else "key")]
        line += [(f" {title}", "tab" if here else "")] if here or titles else []
    return line
