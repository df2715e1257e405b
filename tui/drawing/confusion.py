"""The confusion matrix as heat, where its mistakes go, and the most frequent ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.confused import Confused
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.confusion_tables import frequent_table, lost_table, matrix_table
from tui.drawing.lines import Line, clip, fit, heading, width_of, wrap

LARGEST: Final = 20
"""The largest number of classes for which the whole matrix is recorded and drawn."""
STEPS: Final = 8
"""The highest step of heat."""
HEAVY: Final = 20
"""Images from which a number is bold."""
_WIDTHS: Final = (8, 6, 5, 4)
_RECALL: Final = 8
"""Cells of the column of recalls."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How the matrix is laid out."""

    name: int
    """Cells of the names at the left."""
    cell: int
    rows: int
    """Lines of a cell."""

    def width(self, classes: int) -> int:
        """Cells that the whole takes."""
        return 1 + self.name + self.cell * classes + _RECALL


def grid_for(names: Sequence[str], width: int, height: int) -> Grid:
    """The largest cells that fit: 8 x 3, 8 x 2, 6 x 2, 5 x 1 or 4 x 1."""
    n = len(names)
    name = min(max(len(one_line(one)) for one in names), 11) + 1
    cell = next((size for size in _WIDTHS if 1 + name + size * n + _RECALL <= width), _WIDTHS[-1])
    rows = next((rows for rows in (3, 2) if cell >= (8 if rows == 3 else 6) and rows * n + 4 <= height), 1)
    return Grid(name, cell, rows)


def heat(count: float, largest: float) -> int:
    """The step of heat of a cell off the diagonal: 8 sqrt(count / largest), cut to a whole step, at least 1."""
    return min(max(int(STEPS * math.sqrt(count / largest) + 1e-9), 1), STEPS) if count else 0


def confusion(
    one: Confused,
    order: Sequence[int],
    grid: Grid,
    chosen: tuple[int, int] = (-1, -1),
    *,
    as_percent: bool = False,
) -> list[Line]:
    """Column heads, the cells, the precision of each column, and the scale of the heat.

    Args:
        order: the classes in the order of rows and columns.
        chosen: (true class, class given) of the cell that is set off.
        as_percent: write percent of the true class in place of images; the heat stays that of the images.
    """
    *rows, (_, *precision, _) = matrix_table(one, order, as_percent=as_percent).rows
    names = {i: row[0] for i, row in zip(order, rows, strict=True)}
    largest = max([count for _, _, count in one.pairs(1)], default=1)
    head: Line = [(" " * (1 + grid.name), "")]
    letters = min(5, grid.cell - 1)
    side = "right" if grid.cell < 6 else "left"
    head += [(fit(names[j][:letters].rjust(letters), grid.cell - 1, side) + " ", "dim") for j in order]
    lines: list[Line] = [[*head, ("  recall", "dim")]]
    for i, (_, *cells, recall) in zip(order, rows, strict=True):
        for y in range(grid.rows):
            name = fit(names[i], grid.name) if not y else " " * grid.name
            line: Line = [(f" {name}", "strong" if i == chosen[0] else "")]
            for j, words in zip(order, cells, strict=True):
                line += _cell(one, (i, j), "" if y else words, grid, largest, (i, j) == chosen)
            lines.append([*line, (recall.rjust(_RECALL), "strong")] if not y else line)
    foot: Line = [(fit(" precision", 1 + grid.name), "dim")]
    inner = _inner(grid)
    foot += [(fit(words, inner, "right") + " " * (grid.cell - inner), "dim") for words in precision]
    legend = _legend(grid, largest)
    legend = legend if width_of(legend) <= grid.width(len(order)) else legend[:-1]
    return [*lines, foot, clip(legend, grid.width(len(order)))]


def _inner(grid: Grid) -> int:
    """Cells up to the last digit of a number."""
    return grid.cell - 2 if grid.cell > 5 else grid.cell - 1


def _cell(one: Confused, at: tuple[int, int], words: str, grid: Grid, largest: int, chosen: bool) -> Line:
    """A line of the cell of (true class, class given), with `words` in it; an empty cell has a dot in their place."""
    i, j = at
    count = int(one.matrix[at])
    words = "·" if words and not count else words
    inner = _inner(grid)
    text = fit(words, inner, "right") + " " * (grid.cell - inner)
    role = "right" if i == j else f"heat-{heat(count, largest)}" if count else "dim"
    body = f"{role} heavy" if count >= HEAVY and i != j else role
    if not chosen:
        return [(text, body)]
    edge = f"{role} strong" if count else "strong"
    return [("▐", edge), (text[1:-1], body), ("▌", edge)]


def _legend(grid: Grid, largest: int) -> Line:
    line: Line = [(fit(" heat", 1 + grid.name), "dim")]
    line += [(" " * 4, f"heat-{step}") for step in range(1, STEPS + 1)]
    return [*line, (f" 1 .. {largest} images", "dim"), (", by square root", "dim")]


def where_mistakes_go(one: Confused, order: Sequence[int], width: int, height: int) -> list[Line]:
    """Images that each class loses to others, and those it gains from them, on one scale around a line."""
    lost, gained = one.lost, one.gained
    rights = ["images lost   images gained", "lost   gained"]
    lines = [heading("where the mistakes of each class go", width, rights), heading("mistakes by class", width, rights)]
    lines = lines[:1] if width >= 66 else lines[1:]
    left, right = _sides(max(lost), max(gained), max(width - 13 - 20, 8))
    scale = max(max(lost) / left, max(gained) / right, 1e-9)
    worst = max(order, key=lambda i: lost[i])
    for i, (name, loses, gains) in zip(order[: max(height - 2, 0)], lost_table(one, order).rows, strict=False):
        lines.append(
            [
                (f" {fit(name, 11)} ", "hot heavy" if i == worst else ""),
                (_to_left(_halves(lost[i] / scale, left)).rjust(left), "hot" if i == worst else "bar"),
                ("│", "rule"),
                (_to_right(_halves(gained[i] / scale, right)).ljust(right), "faint-0"),
                (f"{loses:>9}", "strong"),
                (f"{gains:>9}", "dim"),
            ]
        )
    lines.append([(" " * 13 + fit("taken for others", left + 1), "dim"), ("others taken for it", "dim")])
    return [clip(line, width) for line in lines[:height]]


def _sides(lost: int, gained: int, cells: int) -> tuple[int, int]:
    """The cells left and right of the line, such that the longest bars of both sides fill them on one scale."""
    least = min(16, cells // 3)
    left = round(cells * lost / max(lost + gained, 1))
    left = min(max(left, least), cells - least)
    return left, cells - left


def _halves(cells: float, most: int) -> int:
    """The length of a bar in half cells: at least one unless it is 0."""
    return min(max(round(2 * cells), 1 if cells else 0), 2 * most)


def _to_right(halves: int) -> str:
    return "━" * (halves // 2) + "╸" * (halves % 2)


def _to_left(halves: int) -> str:
    return "╺" * (halves % 2) + "━" * (halves // 2)


def in_words(one: Confused, width: int) -> list[Line]:
    """Which class loses most images and which gains most, and to and from which others."""
    lost, gained, names = one.lost, one.gained, [one_line(name) for name in one.names]
    worst, greedy = (max(range(len(names)), key=counts.__getitem__) for counts in (lost, gained))
    pairs = one.pairs()
    to = next(((j, count) for i, j, count in pairs if i == worst), None)
    whence = next(((i, count) for i, j, count in pairs if j == greedy), None)
    if to is None or whence is None:
        return []
    words = (
        f"{names[worst]} loses most: {lost[worst]} images, {to[1]} of them to {names[to[0]]}.",
        f"{names[greedy]} gains most: {gained[greedy]} images, {whence[1]} of them from {names[whence[0]]}.",
    )
    return [[(f" {part}", "")] for part in wrap(" ".join(words), width - 2)]


def frequent(one: Confused, width: int, height: int, chosen: tuple[int, int] = (-1, -1)) -> list[Line]:
    """The most frequent mistakes: the true class, what it is taken for, how often, and the share of the class."""
    found = one.pairs(max(height - 1, 0))
    lines = [heading("most frequent mistakes", width, ["share"])]
    if not found:
        return [*lines, [(" none: every image is recognized", "dim")]]
    name = min(max((width - 22) // 2, 4), 12)
    cells = width - 2 * name - 22
    rows = frequent_table(one, len(found)).rows
    for (i, j, count), (truth, taken, images, percents) in zip(found, rows, strict=True):
        role = "strong" if (i, j) == chosen else ""
        line: Line = [(f" {fit(truth, name)}", role), (" → ", "dim")]
        line += [(fit(taken, name), role), (f"{images:>6}", "strong")]
        line += [("  ", ""), *bar(count / found[0][2], cells)] if cells >= 8 else []
        share = f"{percents} %"
        lines.append(clip([*line, (share.rjust(max(width - width_of(line), 8)), "dim")], width))
    return lines
