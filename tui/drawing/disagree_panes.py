"""Two runs on the same images: the two-by-two table, churn with its references, classes, and both together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.analysis.disagree import Disagreement
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import counted, percent, whole
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
    counts = one.pair.counts
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
    both = (
        ("right", counts.both, "both right", "heat-1", counts.won, f"only {run} right", "right"),
        ("wrong", counts.lost, f"only {other} right", "heat-3", counts.neither, "both wrong", "heat-2"),
    )
    for word, left, left_words, left_role, other_count, other_words, role in both:
        for y in range(rows):
            middle = y == rows // 2
            line: Line = [(fit(f" {run} {word}" if middle else "", head), run_role)]
            for count, words, background in ((left, left_words, left_role), (other_count, other_words, role)):
                body = f"{whole(count):<7}{words}".center(cell) if middle else ""
                role_here = f"{background} heavy"
                if y == rows // 2 + 1:
                    body, role_here = (
                        f"{percent(count / max(counts.images, 1))} % of the images".center(cell),
                        background,
                    )
                line += [(fit(body, cell), role_here), (" ", "")]
            lines.append(line[:-1])
        lines += [[]] if rows > 1 and word == "right" else []
    p = f" McNemar exact p {counts.exact_p:.2g}, mid-p {counts.mid_p:.2g}"
    alike = f"both wrong alike: {one.wrong_alike} of {counts.neither}"
    foot: Line = [(p, ""), ("   ", ""), (alike, "dim")]
    lines += [foot] if width_of(foot) <= width else [[(p, "")], [(f" {alike}", "dim")]]
    notes = [[(f" {part}", "dim")] for part in wrap(one.pair.note, width - 2)] if one.pair.note else []
    return [clip(line, width) for line in [*lines, *notes]]


def churn_pane(one: Disagreement, names: Names, width: int) -> list[Line]:
    """The share of images with another answer, beside what two seeds of one recipe and independence give."""
    found = one.churn
    two = f"two seeds of one recipe ({counted(found.pairs, 'pair')})" if found.pairs else "two seeds of one recipe"
    rows = (
        (f"{names.run[0]} and {names.other[0]}", found.share, names.other[1]),
        (two, found.two_seeds, "bar"),
        ("if mistakes were independent", found.independent, "baseline"),
    )
    most = max(value for _, value, _ in rows if math.isfinite(value)) or 1.0
    cells = max(width - 36 - 10, 4)
    lines = [heading("churn: share of images with another answer", width)]
    for words, value, role in rows:
        figure = f"{percent(value)} %" if math.isfinite(value) else "no seeds"
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
    rows = list(zip(one.pair.classes, one.pair.per_class, strict=True))
    side = max((width - 13 - 18) // 2, 4)
    most = max([max(counts.won, counts.lost) for _, counts in rows], default=0) or 1
    for name, counts in rows[: max(height - 1, 0)]:
        left, right = (round(2 * count / most * side) for count in (counts.won, counts.lost))
        lines.append(
            [
                (" " + fit(one_line(name), 12), ""),
                (("╺" * (left % 2) + "━" * (left // 2)).rjust(side), names.run[1]),
                ("│", "rule"),
                (("━" * (right // 2) + "╸" * (right % 2)).ljust(side), names.other[1]),
                (f"{counts.won:>8}", names.run[1]),
                (f"{counts.lost:>8}", names.other[1]),
            ]
        )
    return [clip(line, width) for line in lines[:height]]


def together_pane(one: Disagreement, names: Names, width: int) -> list[Line]:
    """The accuracy of each run and of the mean of their probabilities."""
    lines = [heading("together", width, ["mean of probabilities"])]
    rows = ((*names.run, one.accuracies[0]), (*names.other, one.accuracies[1]), ("both", "mark", one.together.accuracy))
    low = min(value for _, _, value in rows)
    high = max(value for _, _, value in rows)
    floor = low - max(high - low, 0.005)
    for words, role, value in rows:
        drawn = bar((value - floor) / (1.1 * (high - floor)), max(width - 20, 4), role)
        lines.append([(" " + fit(words, 10), role), *drawn, (percent(value).rjust(8), "strong")])
    return [clip(line, width) for line in [*lines, [(" an ensemble of both; not a result of either recipe", "dim")]]]


def reading_pane(width: int) -> list[Line]:
    """What the figures mean, and what they do not."""
    words = (
        "McNemar's test counts only the images that one of the two has right and the other wrong. Its p value is about "
        "these two models on these images; another seed may differ. Churn means nothing alone: two seeds of one recipe "
        "also change answers, without either being better."
    )
    return [heading("how to read this", width), *([(f" {part}", "dim")] for part in wrap(words, width - 2))]
