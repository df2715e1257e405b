"""Accuracy per class as a bar, a number and its change; the ten worst classes if there are too many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import NONE, delta, percent
from tui.drawing.lines import Line, clip, fit, heading, width_of
from tui.drawing.typeset import Column, Table

_FLOORS = (0.9, 0.7, 0.5, 0.0)
"""Accuracies at which the bars may begin."""
WORST = 10
"""How many classes are shown if they do not all fit."""
_ROOMY = 47
"""Width in cells that a full title needs beside three column heads."""
_LAST, _CHANGE, _AGAINST = "last, %", "Δ epoch", "Δ base"
"""The heads of the columns of figures in the table."""
WIDE = 42
"""Width in cells from which a row has its difference to the baseline and the bars are explained."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class. Accuracies are 0..1; a difference is NaN if there is nothing to compare with."""

    name: str
    accuracy: float
    change: float = math.nan
    """Difference to the previous tested epoch."""
    against: float = math.nan
    """Difference to the baseline run at the same epoch."""


def worst_confusion(confused: Sequence[int], names: Sequence[str]) -> str:
    """The worst class and its most frequent mistake: "cat: 6.1 % as dog"; "" without a matrix.

    `confused` is the flattened confusion matrix, one row per true class.
    """
    n = len(names)
    if n < 2 or len(confused) != n * n:
        return ""
    rows = [confused[i * n : (i + 1) * n] for i in range(n)]
    right = [row[i] / sum(row) if sum(row) else 1.0 for i, row in enumerate(rows)]
    worst = min(range(n), key=right.__getitem__)
    count, taken = max((count, j) for j, count in enumerate(rows[worst]) if j != worst)
    if not count:
        return ""
    return f"{one_line(names[worst])}: {percent(count / sum(rows[worst]), 1)} % as {one_line(names[taken])}"


def bar_floor(rows: Sequence[ClassRow]) -> float:
    """The accuracy at which the bars begin: the highest of `_FLOORS` that leaves the worst class a visible bar."""
    least = min((row.accuracy for row in rows if not math.isnan(row.accuracy)), default=0.0)
    return next(floor for floor in _FLOORS if least > floor + 0.02 or floor == 0.0)


def per_class(
    rows: Sequence[ClassRow], note: str, width: int, height: int, *, empty: str = "no test yet"
) -> list[Line]:
    """A heading, a line for each class, and below them, if they fit, the range of the bars and `note`.

    The worst class stands out. Without rows, `empty` stands below the heading.
    """
    shown = list(rows)
    room = height - 1
    if len(shown) > room:
        shown = sorted(shown, key=lambda row: row.accuracy)[: min(room, WORST)]
    cut = len(shown) < len(rows)
    floor = bar_floor(rows)
    worst = min((row.accuracy for row in rows if not math.isnan(row.accuracy)), default=math.nan)
    wide = width >= WIDE
    drawn = list(zip(shown, _cells(shown), strict=True))
    compared = not all(math.isnan(row.against) for row in shown)
    if wide:
        title = f"{len(shown)} worst of {len(rows)} classes, %" if cut else "per class, test %"
        if compared and width < _ROOMY:
            title = f"{len(shown)} worst %" if cut else "per class %"
        lines = [heading(title, width, ["last   Δ epoch   Δ base" if compared else "last   Δ epoch"])]
        lines += [_wide_row(row, cells, floor, width, compared, row.accuracy == worst) for row, cells in drawn]
    else:
        right = f"worst {len(shown)}/{len(rows)}" if cut else "Δ epoch"
        lines = [heading("per class" if cut else "per class %", width, [right])]
        lines += [_narrow_row(row, cells, floor, width, row.accuracy == worst) for row, cells in drawn]
    if not rows:
        lines.append([(empty, "dim")])
    elif wide and len(lines) < height:
        lines.append(_explained(floor, compared, note, width))
    return lines[:height]


def _cells(rows: Sequence[ClassRow]) -> list[dict[str, str]]:
    """The cells of each class by the heads of their columns, as the table has them and the pane prints them."""
    table = per_class_table(rows)
    heads = [column.head for column in table.columns]
    return [dict(zip(heads, row, strict=True)) for row in table.rows]


def per_class_table(rows: Sequence[ClassRow], name: str = "test", note: str = "") -> Table:
    """The accuracy of each class, with its changes where they are known.

    Args:
        name: what the images are called.
        note: the worst class and its most frequent mistake; see `worst_confusion`.
    """
    heads = [Column("class"), Column(_LAST, right=True)]
    cells = [[one_line(row.name), percent(row.accuracy, 1)] for row in rows]
    for head, differences in ((_CHANGE, [row.change for row in rows]), (_AGAINST, [row.against for row in rows])):
        if not all(map(math.isnan, differences)):
            heads.append(Column(head, right=True))
            for line, difference in zip(cells, differences, strict=True):
                line.append(_signed(difference))
    legend = (f"worst {note}",) if note else ()
    return Table(f"per class, {name}", tuple(heads), tuple(map(tuple, cells)), legend=legend)


def _explained(floor: float, compared: bool, note: str, width: int) -> Line:
    """What the bars show, and the worst class with its most frequent mistake."""
    bars: Line = [(f"bars {100 * floor:.0f} to 100", "dim")]
    base: Line = [("   │", "baseline"), (" base", "dim")] if compared else []
    name, colon, rest = note.rpartition(": ")
    worst: Line = [("   worst ", "dim"), (name, "warn"), (f"{colon}{rest}", "dim")] if note else []
    whole = [*bars, *base, *worst]
    return whole if width_of(whole) <= width else clip([*bars, *worst], width)


def _wide_row(row: ClassRow, cells: Mapping[str, str], floor: float, width: int, compared: bool, worst: bool) -> Line:
    """A row whose numbers are aligned with the column heads of the wide heading."""
    bar_width = width - (39 if compared else 30)
    base = row.accuracy - row.against if compared else math.nan
    at = _fill(base, floor)
    return [
        (f"{fit(one_line(row.name), 11)} ", "strong" if worst else ""),
        *bar(_fill(row.accuracy, floor), bar_width, "warn" if worst else "bar", at),
        (cells[_LAST].rjust(6), "warn" if worst else "strong"),
        _difference(cells, _CHANGE, row.change, 10),
        *([_difference(cells, _AGAINST, row.against, 9)] if compared else []),
    ]


def _narrow_row(row: ClassRow, cells: Mapping[str, str], floor: float, width: int, worst: bool) -> Line:
    bar_width = width - 22
    return [
        (f"{fit(one_line(row.name), 10)}", "strong" if worst else ""),
        (cells[_LAST].rjust(5) + " ", "warn" if worst else "strong"),
        *bar(_fill(row.accuracy, floor), bar_width, "warn" if worst else "bar"),
        _difference(cells, _CHANGE, row.change, 6),
    ]


def _fill(accuracy: float, floor: float) -> float:
    return max(accuracy - floor, 0.0) / (1.0 - floor) if not math.isnan(accuracy) else math.nan


def _signed(difference: float) -> str:
    return delta(difference) if abs(difference) < 0.9995 else delta(difference, 0)  # +100 has no room for a decimal


def _difference(cells: Mapping[str, str], head: str, difference: float, width: int) -> tuple[str, str]:
    """The cell of a difference and its role; a dash where no class has one."""
    text = cells.get(head, NONE)
    role = "dim" if text in (NONE, "+0.0") else "ok" if difference > 0 else "warn"
    return text.rjust(width), role
