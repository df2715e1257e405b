"""Two runs on the same images: the two-by-two table, churn with its references, classes, and both together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.analysis.disagree import Disagreement
from tui.drawing.bars import bar
from tui.drawing.disagree_tables import by_class_table, churn_table, pair_table, together_table
from tui.drawing.format import NONE, whole
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of, wrap

Named = tuple[str, str]
"""(mark and id of a run, its role)."""


@dataclass(frozen=True, slots=True)
class Names:
    """The two runs."""

    run: Named
    other: Named


def table_pane(one: Disagreement, names: Names, width: int, rows: int) -> list[Line]:
    """Images by which of the two is right, each cell of `rows` lines, then McNemar's test."""
    counts, table = one.pair.counts, pair_table(one, names.run[0], names.other[0])
    title: Line = [names.run, (" and ", "strong"), names.other]
    right = hints([("v", "other run")])
    lines = [heading(title, width, [[(f"{whole(counts.images)} test images, paired   ", "dim"), *right], right])]
    (run, run_role), (other, other_role) = names.run, names.other
    head, cell = 13, max((width - 15) // 2, 12)
    top: Line = [
        (" " * head, ""),
        (fit(f"{other} right", cell + 1), other_role),
        (fit(f"{other} wrong", cell), other_role),
    ]
    lines.append(top)
    both, won, lost, neither, alike = table.rows
    halves = (("right", ((both, "heat-1"), (won, "right"))), ("wrong", ((lost, "heat-3"), (neither, "heat-2"))))
    for word, pair in halves:
        for y in range(rows):
            middle = y == rows // 2
            line: Line = [(fit(f" {run} {word}" if middle else "", head), run_role)]
            for (words, count, share), background in pair:
                body = f"{count:<7}{words}".center(cell) if middle else ""
                role_here = f"{background} heavy"
                if y == rows // 2 + 1:
                    body, role_here = f"{share} % of the images".center(cell), background
                line += [(fit(body, cell), role_here), (" ", "")]
            lines.append(line[:-1])
        lines += [[]] if rows > 1 and word == "right" else []
    test = f" {table.legend[0]}"
    both_alike = f"{alike[0]}: {alike[1]} of {neither[1]}"
    foot: Line = [(test, ""), ("   ", ""), (both_alike, "dim")]
    lines += [foot] if width_of(foot) <= width else [[(test, "")], [(f" {both_alike}", "dim")]]
    notes = [[(f" {part}", "dim")] for part in wrap(one.pair.note, width - 2)] if one.pair.note else []
    return [clip(line, width) for line in [*lines, *notes]]


def churn_pane(one: Disagreement, names: Names, width: int) -> list[Line]:
    """The share of images with another answer, beside what two seeds of one recipe and independence give."""
    found = one.churn
    table = churn_table(one, names.run[0], names.other[0])
    values = ((found.share, names.other[1]), (found.two_seeds, "bar"), (found.independent, "baseline"))
    most = max(value for value, _ in values if math.isfinite(value)) or 1.0
    cells = max(width - 36 - 10, 4)
    lines = [heading(table.title, width)]
    for (words, share), (value, role) in zip(table.rows, values, strict=True):
        figure = f"{share} %" if share != NONE else "no seeds"
        lines.append([(" " + fit(words, 35), ""), *bar(value / most, cells, role), (figure.rjust(9), "strong")])
    if math.isfinite(found.two_seeds):
        more = "more" if found.share > found.two_seeds else "no more"
        counts = one.pair.counts
        net = f"{names.run[0]} wins {counts.won} images and loses {counts.lost}"
        words = f"They change {more} answers than two seeds do; {net}."
        lines += [[(f" {part}", "")] for part in wrap(words, width - 2)]
    return [clip(line, width) for line in lines]


def right_by_class(one: Disagreement, names: Names, width: int, height: int) -> list[Line]:
    """Who is right where only one is, for each class, on one scale around a line."""
    rights = f"{names.run[0]} only   {names.other[0]} only"
    lines = [heading("who is right where they differ, by class", width, [rights]), heading("by class", width, [rights])]
    lines = lines[:1] if width >= 60 + len(rights) - 20 else lines[1:]
    rows = list(zip(one.pair.per_class, by_class_table(one, names.run[0], names.other[0]).rows, strict=True))
    side = max((width - 13 - 18) // 2, 4)
    most = max([max(counts.won, counts.lost) for counts, _ in rows], default=0) or 1
    for counts, (name, won, lost) in rows[: max(height - 1, 0)]:
        left, right = (round(2 * count / most * side) for count in (counts.won, counts.lost))
        lines.append(
            [
                (" " + fit(name, 12), ""),
                (("╺" * (left % 2) + "━" * (left // 2)).rjust(side), names.run[1]),
                ("│", "rule"),
                (("━" * (right // 2) + "╸" * (right % 2)).ljust(side), names.other[1]),
                (f"{won:>8}", names.run[1]),
                (f"{lost:>8}", names.other[1]),
            ]
        )
    return [clip(line, width) for line in lines[:height]]


def together_pane(one: Disagreement, names: Names, width: int) -> list[Line]:
    """The accuracy of each run and of the mean of their probabilities."""
    lines = [heading("together", width, ["mean of probabilities"])]
    table = together_table(one, names.run[0], names.other[0])
    values = (*one.accuracies, one.together.accuracy)
    low, high = min(values), max(values)
    floor = low - max(high - low, 0.005)
    for (words, accuracy), value, role in zip(table.rows, values, (names.run[1], names.other[1], "mark"), strict=True):
        drawn = bar((value - floor) / (1.1 * (high - floor)), max(width - 20, 4), role)
        lines.append([(" " + fit(words, 10), role), *drawn, (accuracy.rjust(8), "strong")])
    return [clip(line, width) for line in [*lines, *([(f" {words}", "dim")] for words in table.legend)]]


def reading_pane(width: int) -> list[Line]:
    """What the figures mean, and what they do not."""
    words = (
        "McNemar's test counts only the images that one of the two has right and the other wrong. Its p value is about "
        "these two models on these images; another seed may differ. Churn means nothing alone: two seeds of one recipe "
        "also change answers, without either being better."
    )
    return [heading("how to read this", width), *([(f" {part}", "dim")] for part in wrap(words, width - 2))]
