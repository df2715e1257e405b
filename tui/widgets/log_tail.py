"""The last lines of what a run said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.format import clock
from tui.lines import Line, clip, fit, rule

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
    text = one_line(line.text)
    return clip([(f" {fit(stamp, 8)}{gap}" if stamp else " ", "dim"), (text, LEVEL_ROLES.get(line.level, ""))], width)


def log_tail(lines: Sequence[LogLine], width: int, height: int) -> list[Line]:
    """A heading and the newest lines, the newest on top."""
    keys = "l larger   / search" if width >= 100 else "l larger"
    shown = [log_line(line, width) for line in reversed(lines[-(height - 1) :])] if height > 1 else []
    return [rule("log", width, keys), *shown]
