"""Lines of styled text as plain values: pure functions, tested without a terminal.

A line is a list of (text, role) pairs. A role names what a piece of text means, never a color; `tui.drawing.palette`
gives every role its look in each theme. Roles separated by a blank are combined: "bad field".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len, set_cell_size

Line = list[tuple[str, str]]
"""Pairs of (text, role); the role "" is plain text."""
Drawing = Callable[[int, int], list[Line]]
"""(width, height) in cells -> at most `height` lines of at most `width` cells."""

Right = str | Line
"""What stands at the right end of a heading: plain text, or parts with roles of their own."""


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


def heading(
    title: str | Line, width: int, rights: Sequence[Right] = (), role: str = "dim", *, focused: bool = False
) -> Line:
    """The heading of a pane: `━ title ───── right ─`. Its right end is the first of `rights` that fits.

    Args:
        role: of a right end that is plain text.
        focused: draw the rule in accent, because the pane takes the keys.
    """
    left: Line = [("━ ", "accent"), *([(title, "strong")] if isinstance(title, str) else title), (" ", "")]
    dash, line_role = ("━", "accent") if focused else ("─", "rule")
    for right in rights:
        tail: Line = [(right, role)] if isinstance(right, str) else right
        rest = width - width_of(left) - width_of(tail) - 3
        if width_of(tail) and rest >= 1:
            return [*left, (dash * rest + " ", line_role), *tail, (f" {dash}", line_role)]
    return clip([*left, (dash * max(width - width_of(left), 0), line_role)], width)


def hints(pairs: Sequence[tuple[str, str]], gap: str = "  ") -> Line:
    """Keys with their labels: `a linear  x epoch`. A click on one presses its key."""
    line: Line = []
    for i, (key, label) in enumerate(pairs):
        line += [(gap if i else "", ""), (key, "key"), (f" {label}" if label else "", "dim")]
    return [part for part in line if part[0]]


def part_at(line: Line, x: int) -> tuple[str, str]:
    """The part of a line in column `x`, and the key that it hints at: a part in the role "key", or the label behind it.

    Of several keys before one label (`, . run`), the nearest to the left of `x`. "" where there is no part, or no key.
    """
    at, keys, label_of = 0, "", ""
    for text, role in line:
        end = at + cell_len(text)
        if role == "key":
            keys = text
        label_of = keys if role == "key" or (keys and text.startswith(" ") and text.strip()) else ""
        if at <= x < end:
            before = text[: x - at + 1].split() if role == "key" else []
            names = label_of.split()
            return text, (before or names)[-1] if names else ""
        if role != "key":
            keys = ""
        at = end
    return "", ""


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
