"""Lines of styled text as plain values: pure functions, tested without a terminal.

A line is a list of (text, role) pairs. A role names what a piece of text means, never a color; the style sheets
(`app.tcss`, `tui/widgets/pane.py`) map roles to colors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

Line = list[tuple[str, str]]
"""Pairs of (text, role); the role "" is plain text."""
Drawing = Callable[[int, int], list[Line]]
"""(width, height) in cells -> at most `height` lines of at most `width` cells."""

ROLES: Final = ("dim", "strong", "rule", "ok", "warn", "bad", "live", "key", "mark", "box")
"""Roles that any line may use."""
SERIES_ROLES: Final = ("test", "train", "baseline", "reported", "clean", "other")
"""Roles of the curves of one run."""
RUN_ROLES: Final = tuple(f"run-{i}" for i in range(6))
"""Roles of overlaid runs, in the order in which the runs were marked."""
PANE_ROLES: Final = (*SERIES_ROLES, *RUN_ROLES, "bar", "hot", "tab")
"""Roles that only panes use, on top of `ROLES`."""


def nothing(width: int, height: int) -> list[Line]:
    """The empty drawing."""
    return []


def width_of(line: Line) -> int:
    """Number of cells a line occupies (a wide character occupies two)."""
    return sum(cell_len(text) for text, _ in line)


def fit(text: str, width: int, align: str = "left") -> str:
    """`text` in exactly `width` cells: padded with blanks, or truncated with an ellipsis."""
    if width <= 0:
        return ""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    gap = " " * (width - size)
    return gap + text if align == "right" else text + gap


def clip(line: Line, width: int) -> Line:
    """A line truncated to at most `width` cells; an ellipsis marks the loss."""
    kept: Line = []
    left = width
    for position, (text, role) in enumerate(line):
        size = cell_len(text)
        more = any(later for later, _ in line[position + 1 :])
        if size > left or (size == left and more):
            if left > 0:
                kept.append((set_cell_size(text, left - 1) + "…", role))
            return kept
        kept.append((text, role))
        left -= size
    return kept


def rule(title: str, width: int, right: str = "") -> Line:
    """A quiet heading: `─ title ──────── right ─`. `right` is left out if it does not fit."""
    left = f"─ {title} " if title else ""
    tail = f" {right} ─" if right else ""
    if cell_len(left) + cell_len(tail) > width:
        tail = ""
    return clip([(left, "rule"), ("─" * (width - cell_len(left) - cell_len(tail)), "rule"), (tail, "rule")], width)


def heading(title: str, width: int, rights: Sequence[str] = (), role: str = "dim") -> Line:
    """A bold heading. Its right end shows the first of `rights` that fits, drawn in `role`."""
    left = f"─ {title} "
    for right in rights:
        rest = width - cell_len(left) - cell_len(right) - 3
        if right and rest >= 1:
            return [("─ ", "rule"), (title, "strong"), (f" {'─' * rest} ", "rule"), (right, role), (" ─", "rule")]
    return clip([("─ ", "rule"), (title, "strong"), (f" {'─' * max(width - cell_len(left), 0)}", "rule")], width)


def wrap(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width` cells; a word longer than a line is truncated."""
    lines: list[str] = []
    current = ""
    for word in text.split():
        if current and cell_len(current) + 1 + cell_len(word) > width:
            lines.append(current)
            current = ""
        current = f"{current} {word}" if current else word
    return [fit(line, width).rstrip() for line in (*lines, current) if line]
