"""Dots in cells of text: braille, quadrants of blocks, or periods. A cell belongs to one pen, so colors never mix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

from tui.drawing.format import Glyphs
from tui.drawing.lines import Line

DOTS: Final[dict[Glyphs, tuple[int, int]]] = {"braille": (2, 4), "block": (2, 2), "ascii": (1, 1)}
"""Columns and rows of dots in a cell."""
_BRAILLE: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_QUADRANTS: Final = " ▘▖▌▝▀▞▛▗▚▄▙▐▜▟█"
"""By the sum of 1 (upper left), 2 (lower left), 4 (upper right) and 8 (lower right)."""


class Raster:
    """Cells that are drawn upon. What is drawn later replaces the cell of whoever drew there before.

    Args:
        width, height: in cells.
    """

    def __init__(self, width: int, height: int, glyphs: Glyphs = "braille") -> None:
        self.width, self.height, self._glyphs = width, height, glyphs
        across, down = DOTS[glyphs]
        self.columns, self.rows = width * across, height * down
        """Dots in each direction; rows count from the top."""
        self._across, self._down = across, down
        self._bits = [[0] * width for _ in range(height)]
        self._text = [[" "] * width for _ in range(height)]
        self._roles = [[""] * width for _ in range(height)]
        self._owners: list[list[object]] = [[None] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, role: str) -> None:
        """Write text into the cells from column x of row y; what lies outside is not drawn."""
        for column, letter in enumerate(text, x):
            if 0 <= column < self.width and 0 <= y < self.height:
                self._text[y][column], self._roles[y][column] = letter, role
                self._bits[y][column], self._owners[y][column] = 0, None

    def dot(self, column: int, row: int, role: str, owner: object) -> None:
        """Draw a dot; the cell is emptied first if it belongs to another owner."""
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return
        x, y = column // self._across, row // self._down
        if self._owners[y][x] is not owner:
            self._owners[y][x], self._bits[y][x], self._roles[y][x] = owner, 0, role
        self._bits[y][x] |= self._bit(column % self._across, row % self._down)
        self._text[y][x] = self._letter(self._bits[y][x])

    def join(self, points: Sequence[tuple[int, float]], role: str, owner: object) -> None:
        """Draw a line through points (column, row) in ascending columns. Rows may lie outside: there it is cut off."""
        for column, row in points:
            self.dot(column, round(row), role, owner)
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            for column, row in self._between(x0, round(y0), x1, round(y1)):
                self.dot(column, row, role, owner)

    def _between(self, x0: int, y0: float, x1: int, y1: float) -> list[tuple[int, int]]:
        """The dots of a straight line, one in each column or, if it is steep, one in each row."""
        first, last = 0.0, 1.0  # the part of the line that is inside; without the cut, a jump to 1e9 were 1e9 dots
        edges = (-1.0, float(self.rows))
        if y0 == y1:
            if not edges[0] <= y0 <= edges[1]:
                return []
        else:
            crossings = sorted((edge - y0) / (y1 - y0) for edge in edges)
            first, last = max(first, crossings[0]), min(last, crossings[1])
            if first > last:
                return []
        steps = max(math.ceil((last - first) * max(x1 - x0, abs(y1 - y0))), 1)
        parts = [first + (last - first) * i / steps for i in range(steps + 1)]
        return [(_nearest(x0 + part * (x1 - x0)), _nearest(y0 + part * (y1 - y0))) for part in parts]

    def _bit(self, column: int, row: int) -> int:
        return _BRAILLE[column][row] if self._glyphs == "braille" else 1 << (2 * column + row)

    def _letter(self, bits: int) -> str:
        if self._glyphs == "braille":
            return chr(0x2800 + bits)
        return "." if self._glyphs == "ascii" else _QUADRANTS[bits]

    def lines(self) -> list[Line]:
        """The cells as lines of text, neighbors of one role together."""
        return [_merged(text, roles) for text, roles in zip(self._text, self._roles, strict=True)]


def _nearest(value: float) -> int:
    """The nearest integer, halves down: Python rounds 2.5 to 2 and 3.5 to 4, which would leave a gap in a line."""
    return math.ceil(value - 0.5)


def _merged(text: Sequence[str], roles: Sequence[str]) -> Line:
    line: Line = []
    start = 0
    for at in range(1, len(roles) + 1):
        if at == len(roles) or roles[at] != roles[start]:
            line.append(("".join(text[start:at]), roles[start]))
            start = at
    return line
