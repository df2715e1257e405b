"""Rows of styled text as plain values: pure functions, tested without a terminal.

A line is a list of (text, role). Roles are names of meanings, never colours; `app.tcss` says how they look.
"""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, set_cell_size

Line = list[tuple[str, str]]
"""Runs of (text, role); the role "" is plain text."""

ROLES: Final = ("dim", "strong", "rule", "ok", "warn", "bad", "live", "key", "mark", "box")


def width_of(line: Line) -> int:
    """How many cells a line takes (a wide character takes two)."""
    return sum(cell_len(text) for text, _ in line)


def fit(text: str, width: int, align: str = "left") -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    gap = " " * (width - size)
    return gap + text if align == "right" else text + gap


def clip(line: Line, width: int) -> Line:
    """A line cut to at most `width` cells, with an ellipsis where something was lost."""
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
    """A heading drawn as a line: `─ title ──────── right ─`."""
    left = f"─ {title} " if title else ""
    tail = f" {right} ─" if right else ""
    if cell_len(left) + cell_len(tail) > width:
        tail = ""
    return clip([(left, "rule"), ("─" * (width - cell_len(left) - cell_len(tail)), "rule"), (tail, "rule")], width)


def wrap(text: str, width: int) -> list[str]:
    """Words of `text` in lines of at most `width` cells; an over-long word is cut."""
    lines: list[str] = []
    current = ""
    for word in text.split():
        if current and cell_len(current) + 1 + cell_len(word) > width:
            lines.append(current)
            current = ""
        current = f"{current} {word}" if current else word
    return [fit(line, width).rstrip() for line in (*lines, current) if line]
