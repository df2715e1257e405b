"""The newest lines of a run's log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from engine.contract.text import clean
from tui.drawing.format import clock
from tui.drawing.lines import Line, Right, clip, fit, heading, hints, wrap
from tui.drawing.typeset import Column, Table

_ACCURACY: Final = re.compile(r"\b\d+\.\d\d %")
LEVEL_ROLES = {"info": "", "warning": "warn", "error": "bad", "quiet": "dim"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line: its time (unix seconds, 0 for none), its text, and its level, a key of `LEVEL_ROLES`."""

    t: float
    text: str
    level: str = "info"


def log_row(line: LogLine) -> tuple[str, str]:
    """The time of day, where it is known, and the text on one line: a row of the table of the log."""
    return clock(line.t) if line.t else "", clean(" ".join(line.text.expandtabs(4).splitlines()))


def log_table(lines: Sequence[LogLine], title: str = "log") -> Table:
    """Log lines as a table."""
    return Table(title, (Column("time"), Column("what", wraps=True)), tuple(map(log_row, lines)))


def draw_log_line(line: LogLine, width: int) -> Line:
    """Time of day and text on one line, truncated at the edge."""
    stamp, text = log_row(line)
    gap = "  " if width >= 100 else " "
    role = LEVEL_ROLES.get(line.level, "")
    before, figure, after = _split(text) if line.level == "info" else (text, "", "")
    parts: Line = [(before, role), (figure, "strong"), (after, role)]
    return clip([(f" {fit(stamp, 8)}{gap}" if stamp else " ", "dim"), *(part for part in parts if part[0])], width)


def _split(text: str) -> tuple[str, str, str]:
    """The text before, at and after its first accuracy, the figure that matters in a line about an epoch."""
    found = _ACCURACY.search(text)
    return (text[: found.start()], found.group(), text[found.end() :]) if found else (text, "", "")


def draw_whole_log_line(line: LogLine, width: int) -> list[Line]:
    """The same, except that an error is wrapped instead of truncated."""
    first = draw_log_line(line, width)
    indent = cell_len(first[0][0])
    if line.level != "error":
        return [first]
    role = LEVEL_ROLES["error"]
    parts = wrap(clean(line.text), width - indent) or [""]
    return [[first[0], (parts[0], role)], *([(" " * indent, ""), (part, role)] for part in parts[1:])]


def log_tail(
    lines: Sequence[LogLine], note: str, width: int, height: int, mark: tuple[str, str] | None = None
) -> list[Line]:
    """A heading, with `note` in it, and the newest lines, newest first.

    Args:
        mark: (mark, role) that stands before each line of a second log, which has no heading of its own.
    """
    if mark is not None:
        return _marked(lines, width, height, mark)
    keys = hints([("l", "larger"), ("/", "search")] if width >= 100 else [("l", "larger")], "   ")
    shown: list[Line] = []
    for line in reversed(lines):
        if len(shown) >= height - 1:
            break
        shown += draw_whole_log_line(line, width)
    rights: list[Right] = [[*keys, (f" · {note}", "dim")], keys] if note else [keys]
    return [heading("log", width, rights), *shown][:height]


def _marked(lines: Sequence[LogLine], width: int, height: int, mark: tuple[str, str]) -> list[Line]:
    shown: list[Line] = [[("─" * width, "rule")]]
    for line in reversed(lines):
        if len(shown) >= height:
            break
        shown += [clip([mark, *drawn], width) for drawn in draw_whole_log_line(line, width - 1)]
    return shown[:height]
