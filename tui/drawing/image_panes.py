"""What stands beside a picture: the classes that a run considered, what other runs say, and where mistakes lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.judged_images import JudgedImages
from engine.analysis.mistakes import ClassMistakes, Doubts, Said, Sureness
from engine.analysis.statistics.agreement import SUSPECT_PROBABILITY
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import counted
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of, wrap

NAME = 11
"""Cells of the name of a class."""


def considered(judged: JudgedImages, place: int, sure: Sureness, title: str, width: int) -> list[Line]:
    """The five most probable classes of an image with their probabilities, and how sure the run was."""
    answers, names = judged.answers, judged.classes
    label, taken = int(answers.labels[place]), int(answers.predicted[place])
    head = f"#{answers.index[place]}  it is a {one_line(names[label], NAME)}"
    lines = [heading(head, width, [title], focused=True)]
    top = judged.top(place)
    if label not in [one for one, _ in top]:
        top[-1] = (label, float(judged.probabilities[place, label]))
    cells = width - NAME - 7 - 6
    for one, share in top:
        role = "ok" if one == label else "hot" if one == taken else ""
        line: Line = [(fit(one_line(names[one]), NAME) + " ", f"{role} heavy" if role else "")]
        truth = "truth " if one == label else " " * 6
        line += [(truth, "dim"), *bar(share, cells, role or "bar")] if cells >= 6 else []
        lines.append([*line, (f"{share:.3f}".rjust(6), "strong")])
    figures = (("margin", sure.margin, ".1f"), ("entropy", sure.entropy, ".2f"), ("loss", sure.loss, ".2f"))
    foot: list[Line] = [[]]
    for name, value, form in figures:
        text = f"{value:{form}}  " if math.isfinite(value) else "infinite  "
        if width_of(foot[-1]) + len(name) + len(text) > width:
            foot.append([])
        foot[-1] += [(f"{name} ", "dim"), (text, "")]
    return [clip(one, width) for one in [*lines, *foot]]


def others_say(
    said: Sequence[tuple[Said, str, str]], label: int, names: Sequence[str], doubt: str, width: int
) -> list[Line]:
    """What each run says about the image, the run in question first, and whether its label is suspect.

    Args:
        said: with the mark and the role of each run.
        doubt: the sentence below.
    """
    lines = [heading("other marked runs on this image", width), heading("marked runs", width)]
    lines = lines[:1] if width >= 40 else lines[1:]
    cells = width - 8 - NAME - 7
    for one, mark, role in said:
        kind = "ok" if one.predicted == label else "hot"
        line: Line = [(f"{mark} {one.run[-4:]}".ljust(7), role), (fit(one_line(names[one.predicted]), NAME), kind)]
        line += [(" ", ""), *bar(one.probability, cells, kind)] if cells >= 6 else []
        lines.append(clip([*line, (f" {one.probability:.3f}", "strong")], width))
    return [*lines, *([(part, "dim")] for part in wrap(doubt, width - 1))]


def by_class_pane(rows: Sequence[ClassMistakes], names: Sequence[str], chosen: int, width: int) -> list[Line]:
    """The mistakes of each class, most first, and what they are taken for most; the chosen class stands out."""
    lines = [heading("mistakes by class", width, [[*hints([("c", "filters")])]])]
    most = max((one.images for one in rows), default=0) or 1
    cells = min(width - NAME - 1 - 5 - 18, 24)
    for i, one in enumerate(rows):
        role = "hot" if not i else "bar"
        name = "mark" if one.label == chosen else "strong" if not i else ""
        line: Line = [(fit(one_line(names[one.label]), NAME) + " ", name)]
        line += bar(one.images / most, cells, role) if cells >= 6 else []
        taken = f"  most {one_line(names[one.most], NAME)}" if one.most >= 0 and cells >= 6 else ""
        lines.append(clip([*line, (f"{one.images:>4}", "strong"), (taken, "dim")], width))
    return lines


def suspects_pane(judged: JudgedImages, doubt: Doubts, runs: int, width: int, height: int) -> list[Line]:
    """The images whose labels are worth a look, in two columns where there is room."""
    lines = [heading("suspects", width, ["" if doubt.why else counted(len(doubt.places), "image")])]
    if doubt.why:
        return [*lines, *([(part, "dim")] for part in wrap(doubt.why, width - 1))][:height]
    words = (
        f"all {runs} marked runs give them the same wrong class, at a mean probability of {SUSPECT_PROBABILITY:g} or "
        "more. The label may be at fault: look before you judge."
    )
    lines += [[(part, "")] for part in wrap(words, width - 1)]
    answers, names = judged.answers, judged.classes
    found = [
        f"#{answers.index[place]} {one_line(names[answers.labels[place]])} as "
        f"{one_line(names[answers.predicted[place]])}"
        for place in doubt.places
    ]
    across = max(width // 25, 1)
    rows = max(height - len(lines) - 1, 0)
    for at in range(0, min(len(found), rows * across), across):
        lines.append([("".join(fit(one, 24) + " " for one in found[at : at + across]), "dim")])
    return [*lines, [*hints([("s", "shows them as pictures")])]][:height] if found else lines[:height]
