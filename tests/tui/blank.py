"""Measures how much of a screen lies empty."""

from __future__ import annotations

from collections.abc import Sequence

BLANK = frozenset(" \u2800")


def largest_blank(lines: Sequence[str], height: int) -> tuple[int, int, int]:
    """(width, column, row) of the widest rectangle of blank cells that is `height` rows high; (0, 0, 0) without one.

    Args:
        lines: the rows of the screen as text; a shorter row counts as blank to the right of its end.
    """
    columns = max(map(len, lines), default=0)
    rows = [line.ljust(columns) for line in lines]
    best = (0, 0, 0)
    for top in range(len(rows) - height + 1):
        run = 0
        for column in range(columns):
            blank = all(row[column] in BLANK for row in rows[top : top + height])
            run = run + 1 if blank else 0
            best = max(best, (run, column - run + 1, top), key=lambda found: found[0])
    return best


def wasted(lines: Sequence[str], width: int = 20, height: int = 6) -> list[str]:
    """The blank rectangles that are larger than `width` x `height` cells, in words; none on a screen that is used."""
    found = []
    for rows, most in ((height, width), (height + 1, width - 1)):
        size, column, row = largest_blank(lines, rows)
        if size > most:
            found.append(f"{size} x {rows} blank cells at column {column}, row {row}")
    return found
