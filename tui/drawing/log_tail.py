"""The newest lines of a run's log."""

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
    """One log line: its time (unix seconds, 0 for none), its text, and its level, a key of `LEVEL_ROLES`."""

    t: float
    text: str
    level: str = "info"


def draw_log_line(line: LogLine, width: int) -> Line:
    """Time of day and text on one line, truncated at the edge."""
    stamp = clock(line.t) if line.t else ""
    gap = "  " if width >= 100 else " "
    text = clean(" ".join(line.text.expandtabs(4).splitlines()))
    return clip([(f" {fit(stamp, 8)}{gap}" if stamp else " ", "dim"), (text, LEVEL_ROLES.get(line.level, ""))], width)


def draw_whole_log_line(line: LogLine, width: int) -> list[Line]:
    """The same, except that an error is wrapped instead of truncated."""
    first = draw_log_line(line, width)
    indent = cell_len(first[0][0])
    if line.level != "error":
        return [first]
    role = LEVEL_ROLES["error"]
    parts = wrap(clean(line.text), width - indent) or [""]
    return [[first[0], (parts[0], role)], *([(" " * indent, ""), (part, role)] for part in parts[1:])]


def log_tail(lines: Sequence[LogLine], note: str, width: int, height: int) -> list[Line]:
    """A heading, with `note` in it, and the newest lines, newest first."""
    keys = "l larger   / search" if width >= 100 else "l larger"
    shown: list[Line] = []
    for line in reversed(lines):
        if len(shown) >= height - 1:
            break
        shown += draw_whole_log_line(line, width)
    return [heading(f"log ─ {note}" if note else "log", width, [keys]), *shown][:height]
