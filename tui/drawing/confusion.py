"""The confusion matrix of a test set as lines: rows are true classes, columns are predicted classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.contract.text import one_line
from tui.drawing.format import percent
from tui.drawing.lines import Line, clip, fit

LARGEST: Final = 20
"""The largest number of classes for which the whole matrix is recorded and drawn."""
PAIRS: Final = 10
"""How many of the most frequent mistakes are listed."""
_SHADES: Final = ((0.0, "dim"), (0.01, ""), (0.03, "hot"), (0.08, "bad"))
"""(share of the class's images, role): a mistake is drawn in the role of the highest share it reaches."""


def matrix_of(confused: Sequence[int], classes: int) -> npt.NDArray[np.int64] | None:
    """The square matrix of a flattened one; None if its size does not match the number of classes."""
    if classes < 2 or len(confused) != classes * classes:
        return None
    return np.asarray(confused, dtype=np.int64).reshape(classes, classes)


def confusion(matrix: npt.NDArray[np.int64], names: Sequence[str], width: int, *, as_percent: bool) -> list[Line]:
    """A header line and one line for each class. Cells count images, or percent of the true class."""
    n = len(names)
    name_width = min(max(len(one_line(name)) for name in names), 12) + 1
    cell = max(min((width - name_width - 9) // n, 8), 4)
    header: Line = [(" " * (name_width + 1), "")]
    header += [(fit(one_line(name)[: cell - 1], cell - 1, "right") + " ", "dim") for name in names]
    lines = [clip([*header, ("  right", "dim")], width)]
    for i, name in enumerate(names):
        total = max(int(matrix[i].sum()), 1)
        line: Line = [(f" {fit(one_line(name), name_width)}", "")]
        for j in range(n):
            part = matrix[i, j] / total
            text = f"{100 * part:.1f}" if as_percent else str(matrix[i, j])
            text = "·" if not matrix[i, j] else text
            role = "bar" if i == j else next(role for floor, role in reversed(_SHADES) if part >= floor)
            line.append((fit(text, cell - 1, "right") + " ", role))
        line.append((f" {percent(matrix[i, i] / total, 1):>5} %", "strong"))
        lines.append(clip(line, width))
    return lines


def worst_pairs(matrix: npt.NDArray[np.int64], names: Sequence[str], width: int, most: int = PAIRS) -> list[Line]:
    """The most frequent mistakes, one per line: "cat taken for dog   61 images   6.1 % of cat"."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None)[::-1][:most]
    lines: list[Line] = []
    for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if not wrong[i, j]:
            break
        total = max(int(matrix[i].sum()), 1)
        who, what = one_line(names[i], 14), one_line(names[j], 14)
        line: Line = [
            (f" {fit(who, 14)}", ""),
            (" taken for ", "dim"),
            (fit(what, 14), ""),
            (f"{wrong[i, j]:>6} images", "strong"),
            (f"{100 * wrong[i, j] / total:>7.1f} % of {who}", "dim"),
        ]
        lines.append(clip(line, width))
    return lines
