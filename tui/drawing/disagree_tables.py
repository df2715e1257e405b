"""Two runs on the same images, as tables: the panes print their cells, and exports write them whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.disagree import Disagreement
from engine.analysis.judged_images import JudgedImages
from engine.contract.text import one_line
from tui.drawing.format import NONE, counted, percent, whole
from tui.drawing.typeset import Column, Table

TOP = 2
"""Classes that are listed for each run and image."""


def pair_table(one: Disagreement, run: str, other: str) -> Table:
    """Images by which of two runs is right, in a row each, with McNemar's test below."""
    counts = one.pair.counts
    heads = (Column("answers"), Column("images", right=True), Column("% of the images", right=True))
    found = (
        ("both right", counts.both),
        (f"only {run} right", counts.won),
        (f"only {other} right", counts.lost),
        ("both wrong", counts.neither),
        ("both wrong alike", one.wrong_alike),
    )
    rows = tuple((words, whole(count), percent(count / max(counts.images, 1))) for words, count in found)
    test = f"McNemar exact p {counts.exact_p:.2g}, mid-p {counts.mid_p:.2g}"
    notes = (one.pair.note,) if one.pair.note else ()
    return Table(f"{run} and {other} on {whole(counts.images)} images", heads, rows, legend=(test, *notes))


def churn_table(one: Disagreement, run: str, other: str) -> Table:
    """The share of images with another answer, beside what two seeds of one recipe and independence give."""
    found = one.churn
    two = "two seeds of one recipe" + (f" ({counted(found.pairs, 'pair')})" if found.pairs else "")
    rows = (
        (f"{run} and {other}", found.share),
        (two, found.two_seeds),
        ("if mistakes were independent", found.independent),
    )
    heads = (Column("models"), Column("%", right=True))
    cells = tuple((words, percent(value) if math.isfinite(value) else NONE) for words, value in rows)
    return Table("churn: share of images with another answer", heads, cells)


def by_class_table(one: Disagreement, run: str, other: str) -> Table:
    """For each class the images that only one of the two has right."""
    heads = (Column("class"), Column(f"{run} only", right=True), Column(f"{other} only", right=True))
    rows = tuple(
        (one_line(name), str(counts.won), str(counts.lost))
        for name, counts in zip(one.pair.classes, one.pair.per_class, strict=True)
    )
    return Table("who is right where they differ, by class", heads, rows)


def together_table(one: Disagreement, run: str, other: str) -> Table:
    """The accuracy of each run and of the mean of their probabilities."""
    rows = ((run, one.accuracies[0]), (other, one.accuracies[1]), ("both", one.together.accuracy))
    heads = (Column("models"), Column("accuracy, %", right=True))
    legend = ("an ensemble of both; not a result of either recipe",)
    cells = tuple((name, percent(accuracy)) for name, accuracy in rows)
    return Table("together, by the mean of their probabilities", heads, cells, legend=legend)


def disagreed_table(
    title: str, judged: JudgedImages, one: Disagreement, places: Sequence[tuple[int, int]], run: str, other: str
) -> Table:
    """What both runs answer to images, the two most probable classes each.

    Args:
        places: (place in the run, place in the other one) of each image.
    """
    columns = [Column("image", right=True), Column("truth")]
    for name in (run, other):
        columns += [Column(f"{name} says"), Column(f"p of {name}", right=True)]
        columns += [Column(f"{name} second"), Column(f"p of {name} second", right=True)]
    rows = []
    for mine, theirs in places:
        label = int(judged.answers.labels[mine])
        cells = [str(int(judged.answers.index[mine])), one_line(judged.classes[label])]
        rows.append((*cells, *answer_cells(judged, mine), *answer_cells(one.other, theirs)))
    return Table(title, tuple(columns), tuple(rows))


def answer_cells(judged: JudgedImages, place: int) -> list[str]:
    """The two most probable classes of an image, each with its probability."""
    return [cell for one, share in judged.top(place, TOP) for cell in (one_line(judged.classes[one]), f"{share:.2f}")]
