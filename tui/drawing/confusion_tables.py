"""The confusion matrix and what follows from it, as tables: the panes print their cells, and exports write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.confused import Confused
from engine.contract.text import one_line
from tui.drawing.format import NONE, percent
from tui.drawing.typeset import Column, Table

PRECISION = "precision"
"""The label of the last row of the matrix."""


def matrix_table(one: Confused, order: Sequence[int], *, as_percent: bool = False, name: str = "test") -> Table:
    """A row for each true class with the images that are given each class, then recall; the last row is precision.

    Args:
        order: the classes in the order of rows and columns.
        as_percent: percent of the true class in place of images.
        name: what the images are called.
    """
    names = [one_line(class_name) for class_name in one.names]
    columns = (Column("truth"), *(Column(names[j], right=True) for j in order), Column("recall, %", right=True))
    recall, precision = one.recall, one.precision
    rows = []
    for i in order:
        cells = [_short(one.share(i, j)) if as_percent else str(int(one.matrix[i, j])) for j in order]
        rows.append((names[i], *cells, percent(recall[i], 1)))
    rows.append((PRECISION, *(_short(precision[j]) for j in order), percent(one.accuracy)))
    what = "percent of the class" if as_percent else "images"
    legend = (
        f"rows are the true classes, columns the classes given; the last row is precision in percent, and its last "
        f"cell the accuracy after epoch {one.epoch}",
    )
    return Table(f"confusion, {name}, {what}", columns, tuple(rows), legend=legend)


def lost_table(one: Confused, order: Sequence[int]) -> Table:
    """Images of each class that are taken for others, and images of others that are taken for it."""
    heads = (Column("class"), Column("lost", right=True), Column("gained", right=True))
    lost, gained = one.lost, one.gained
    rows = tuple((one_line(one.names[i]), str(lost[i]), str(gained[i])) for i in order)
    legend = ("lost: images taken for another class; gained: images of other classes taken for it",)
    return Table("where the mistakes of each class go", heads, rows, legend=legend)


def frequent_table(one: Confused, most: int = 0) -> Table:
    """The mistakes, the most frequent first.

    Args:
        most: how many at most; 0 for all.
    """
    heads = (Column("truth"), Column("taken for"), Column("images", right=True), Column("% of the class", right=True))
    rows = tuple(
        (one_line(one.names[i]), one_line(one.names[j]), str(count), percent(one.share(i, j), 1))
        for i, j, count in one.pairs(most)
    )
    return Table("most frequent mistakes", heads, rows)


def _short(share: float) -> str:
    """A share in percent with three digits at most: "96.5", "100"."""
    return NONE if math.isnan(share) else "100" if share >= 0.9995 else percent(share, 1)
