"""What stands beside a picture: the classes that a run considered, what other runs say, and where mistakes lie."""

from __future__ import annotations

from collections.abc import Sequence

from engine.analysis.judged_images import JudgedImages
from engine.analysis.mistakes import ClassMistakes, Doubts, RunAnswer, Sureness
from engine.analysis.statistics.agreement import SUSPECT_PROBABILITY
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import counted
from tui.drawing.image_tables import by_class_table, considered_table, image_cells, others_table, suspects_table
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of, wrap

NAME = 11
"""Cells of the name of a class."""


def considered(judged: JudgedImages, place: int, sure: Sureness, title: str, width: int) -> list[Line]:
    """The five most probable classes of an image with their probabilities, and how sure the run was."""
    index, truth, *_ = image_cells(judged, place)
    table = considered_table(judged, place, sure)
    lines = [heading(f"#{index}  it is a {one_line(truth, NAME)}", width, [title], focused=True)]
    cells = width - NAME - 7 - 6
    for i, (name, share, mark) in enumerate(table.rows):
        role = "ok" if mark else "hot" if not i else ""
        line: Line = [(fit(name, NAME) + " ", f"{role} heavy" if role else "")]
        line += [(mark.ljust(6), "dim"), *bar(float(share), cells, role or "bar")] if cells >= 6 else []
        lines.append([*line, (share.rjust(6), "strong")])
    foot: list[Line] = [[]]
    for figure in table.legend:
        label, value = figure.split()
        if width_of(foot[-1]) + len(figure) + 2 > width:
            foot.append([])
        foot[-1] += [(f"{label} ", "dim"), (f"{value}  ", "")]
    return [clip(one, width) for one in [*lines, *foot]]


def others_say(
    answers: Sequence[tuple[RunAnswer, str, str]], label: int, names: Sequence[str], doubt: str, width: int
) -> list[Line]:
    """What each run says about the image, the run in question first, and whether its label is suspect.

    Args:
        answers: with the mark and the role of each run.
        doubt: the sentence below.
    """
    lines = [heading("other marked runs on this image", width), heading("marked runs", width)]
    lines = lines[:1] if width >= 40 else lines[1:]
    cells = width - 8 - NAME - 7
    table = others_table([one for one, _, _ in answers], names, doubt)
    for (one, mark, role), (run, answer, probability) in zip(answers, table.rows, strict=True):
        kind = "ok" if one.predicted == label else "hot"
        line: Line = [(f"{mark} {run}".ljust(7), role), (fit(answer, NAME), kind)]
        line += [(" ", ""), *bar(one.probability, cells, kind)] if cells >= 6 else []
        lines.append(clip([*line, (f" {probability}", "strong")], width))
    return [*lines, *([(part, "dim")] for part in wrap(doubt, width - 1))]


def by_class_pane(rows: Sequence[ClassMistakes], names: Sequence[str], chosen: int, width: int) -> list[Line]:
    """The mistakes of each class, most first, and what they are taken for most; the chosen class stands out."""
    lines = [heading("mistakes by class", width, [[*hints([("c", "filters")])]])]
    most = max((one.images for one in rows), default=0) or 1
    cells = min(width - NAME - 1 - 5 - 18, 24)
    for i, (one, (name, images, most_taken)) in enumerate(zip(rows, by_class_table(rows, names).rows, strict=True)):
        role = "hot" if not i else "bar"
        name_role = "mark" if one.label == chosen else "strong" if not i else ""
        line: Line = [(fit(name, NAME) + " ", name_role)]
        line += bar(one.images / most, cells, role) if cells >= 6 else []
        taken = f"  most {one_line(most_taken, NAME)}" if most_taken and cells >= 6 else ""
        lines.append(clip([*line, (f"{images:>4}", "strong"), (taken, "dim")], width))
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
    found = [f"#{index} {truth} as {answer}" for index, truth, answer, _ in suspects_table(judged, doubt).rows]
    across = max(width // 25, 1)
    rows = max(height - len(lines) - 1, 0)
    for at in range(0, min(len(found), rows * across), across):
        lines.append([("".join(fit(one, 24) + " " for one in found[at : at + across]), "dim")])
    return [*lines, [*hints([("s", "shows them as pictures")])]][:height] if found else lines[:height]
