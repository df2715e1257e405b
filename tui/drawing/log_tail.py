"""The last lines of what a run said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.contract.text import clean
from tui.drawing.format import clock
from tui.drawing.lines import Line, clip, fit, heading, wrap

LEVEL_ROLES = {"info": "", "warning": "warn", "error": "bad", "quiet": "dim"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when (unix seconds, 0 for lines without a time), what, and how grave."""

    t: float
    text: str
    level: str = "info"


def log_line(line: LogLine, width: int) -> Line:
    """Time of day and text on a single line, cut at the edge."""
    stamp = clock(line.t) if line.t else ""
    gap = "  " if width >= 100 else " "
    text = clean(" ".join(line.text.expandtabs(4).splitlines()))
    return clip([(f" {fit(stamp, 8)}{gap}" if stamp else " ", "dim"), (text, LEVEL_ROLES.get(line.level, ""))], width)


def log_lines(line: LogLine, width: int) -> list[Line]:
    """The same; an error is never cut but goes on in further lines."""
    first = log_line(line, width)
    indent = cell_len(first[0][0])
    if line.level != "error":
        return [first]
    role = LEVEL_ROLES["error"]
    parts = wrap(clean(line.text), width - indent) or [""]
    return [[first[0], (parts[0], role)], *([(" " * indent, ""), (part, role)] for part in parts[1:])]


def log_tail(lines: Sequence[LogLine], note: str, width: int, height: int) -> list[Line]:
    """A heading, with a note in it, and the newest lines, the newest on top."""
    keys = "l larger   / search" if width >= 100 else "l larger"
    shown: list[Line] = []
    for line in reversed(lines):
        if len(shown) >= height - 1:
            break
        shown += log_lines(line, width)
    return [heading(f"log ─ {note}" if note else "log", width, [keys]), *shown][:height]
