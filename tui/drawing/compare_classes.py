"""The class pane of Compare: where a run gained and lost against the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.between_models import by_class
from engine.analysis.judged import Judged
from engine.analysis.marked import MarkedRun
from engine.contract.text import one_line
from tui.drawing.bars import bar, difference
from tui.drawing.format import NONE, delta, percent
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of

Marks = Mapping[str, tuple[str, str]]
_NAME: Final = 12
_FIGURES: Final = 26  # cells of points, fixed and new
_BLOCK: Final = 30  # the fewest cells of a further run
_BARS, _MOST_BARS = 25, 27  # cells of the bars of the chosen run
_MOST_CLASSES: Final = 20
"""With more classes than this, those that differ most come first."""
_MOST_NAMED: Final = 5  # classes in one line
NOTE: Final = "bold and colored: p at most .05 on the images of that class, corrected for the number of classes"


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """The difference of a run to the baseline on one class."""

    name: str
    difference: float
    """Of the accuracies, -1..1."""
    accuracy: float
    """Of the run on the images of the class, 0..1."""
    lost: int = -1
    """Images that only the baseline classifies correctly; -1 where the runs are not paired."""
    won: int = -1
    is_clear: bool = False
    """Whether it is more than chance on the images of the class explains, corrected for the number of classes."""


def class_rows(judged: Judged, run: str) -> list[ClassDifference]:
    """The classes of a run, from its predictions, else from the accuracies in its events; none if neither is known."""
    models = judged.models
    verdict = next((row for row in models.rows if row.run == run), None) if models else None
    if models and verdict and verdict.pair:
        return [
            ClassDifference(
                name=one.name,
                difference=one.counts.difference,
                accuracy=(one.counts.both + one.counts.won) / max(one.counts.images, 1),
                lost=one.counts.lost,
                won=one.counts.won,
                is_clear=one.adjusted <= models.rules.alpha,
            )
            for one in by_class(verdict.pair, models.rules)
        ]
    mine, theirs = next(one for one in judged.marked if one.run.id == run), judged.base
    return _from_events(mine, theirs)


def _from_events(mine: MarkedRun, theirs: MarkedRun) -> list[ClassDifference]:
    """The last tested epochs of two runs; they are named in the pane where they are not the same."""
    if math.isnan(mine.row.against):
        return []
    here, there = _per_class(mine, mine.row.at_epoch), _per_class(theirs, mine.row.base_epoch)
    started = mine.course.started
    names = started.classes if started else []
    if not here or len(here) != len(there) or len(names) != len(here):
        return []
    return [ClassDifference(name, one - other, one) for name, one, other in zip(names, here, there, strict=True)]


def _per_class(one: MarkedRun, epoch: int) -> Sequence[float]:
    found = next((e for e in reversed(one.course.epochs) if e.epoch == epoch), None)
    return found.per_class if found else ()


def classes_pane(judged: Judged, marks: Marks, chosen: str, width: int, height: int) -> list[Line]:
    """The classes of the chosen run with counts, and beside them as bars those of other runs, all on one scale.

    Where there is room but no other run, the accuracies of the chosen run stand there.
    """
    others = [one.run.id for one in judged.marked if one.run.id != judged.baseline]
    if not others:
        return _alone(judged.base, marks, width, height)
    first = chosen if chosen in others else others[0]
    room = width - _NAME - _FIGURES
    beside = [run for run in others if run != first][: max((room - _BARS) // _BLOCK, 0)]
    tables = {run: class_rows(judged, run) for run in (first, *beside)}
    if not tables[first]:
        title = _title(first, judged.baseline, marks)
        return [heading(title, width), [(" the runs share no epoch whose classes were recorded", "dim")]][:height]
    beside = [run for run in beside if tables[run]]
    room -= _BLOCK * len(beside)
    bars = min(room, _MOST_BARS)
    accuracies = room - bars if room - bars >= _BLOCK - 4 else 0
    scale = max((abs(row.difference) for run in (first, *beside) for row in tables[run]), default=0.0) or 0.01
    lines = [_heading(first, beside, judged.baseline, marks, bars, accuracies, width)]
    order = _order(tables[first])
    noted = height >= len(order) + 2 and any(row.is_clear for row in tables[first])
    for at in order[: height - 1 - noted]:
        row = tables[first][at]
        line: Line = [(f" {fit(one_line(row.name), _NAME - 2)} ", "strong" if row.is_clear else "")]
        line += [*difference(row.difference, scale, bars, is_clear=row.is_clear), *_figures(row)]
        line += _accuracy(row, accuracies, marks[first][1]) if accuracies else []
        for run in beside:
            other = tables[run][at]
            drawn = difference(other.difference, scale, _BLOCK - 10, is_clear=other.is_clear)
            line += [("  ", ""), *drawn]
            line.append((f"{delta(other.difference):>7}", "strong" if other.is_clear else ""))
        lines.append(clip(line, width))
    if noted:
        lines.append(clip([(f" {NOTE}", "dim")], width))
    return lines[:height]


def _order(rows: Sequence[ClassDifference]) -> list[int]:
    """The classes in their order; of many, those that differ most come first."""
    order = list(range(len(rows)))
    return sorted(order, key=lambda at: -abs(rows[at].difference)) if len(rows) > _MOST_CLASSES else order


def _figures(row: ClassDifference) -> Line:
    counts = (NONE, NONE) if row.lost < 0 else (str(row.won), str(row.lost))
    return [
        (f"{delta(row.difference):>8}", "strong" if row.is_clear else ""),
        (f"{counts[0]:>8}{counts[1]:>7}", "dim"),
    ]


def _title(run: str, baseline: str, marks: Marks) -> Line:
    mine, theirs = marks[run], marks[baseline]
    return [
        (f"{mine[0][0]} {run[-4:]}", mine[1]), (" - ", "strong"), (f"{theirs[0][0]} {baseline[-4:]}", theirs[1]),
        (", per class", "strong"),
    ]  # fmt: skip


def _heading(
    first: str, beside: Sequence[str], baseline: str, marks: Marks, bars: int, accuracies: int, width: int
) -> Line:
    heads: Line = [("points", "dim"), ("   fixed", "dim"), ("    new", "dim")]
    line = heading(_title(first, baseline, marks), _NAME + bars + _FIGURES - 1, [heads])
    if accuracies:
        mark, role = marks[first]
        line += heading([(f"{mark[0]} {first[-4:]}", role), (" accuracy %, │ baseline", "dim")], accuracies)
    for run in beside:
        mark, role = marks[run]
        line += heading([(f"{mark[0]} {run[-4:]}", role), (f" - {baseline[-4:]}", "dim")], _BLOCK)
    return clip(line, width)


def _accuracy(row: ClassDifference, cells: int, role: str) -> Line:
    """The accuracy of the run on a class, with that of the baseline as a line across its bar."""
    return [(f"{percent(row.accuracy):>9}  ", ""), *bar(row.accuracy, cells - 12, role, row.accuracy - row.difference)]


def _alone(one: MarkedRun, marks: Marks, width: int, height: int) -> list[Line]:
    """The classes of a run that has nothing to be compared with."""
    last, mark = one.course.last, marks[one.run.id]
    names = one.course.started.classes if one.course.started else []
    title: Line = [(f"{mark[0][0]} {one.run.id[-4:]}", mark[1]), (", per class", "strong")]
    lines = [heading(title, width, ["test accuracy %"])]
    for name, accuracy in zip(names, last.per_class if last else (), strict=False):
        drawn = bar(accuracy, width - _NAME - 12, mark[1])
        lines.append([(f" {fit(one_line(name), _NAME - 2)} ", ""), *drawn, (f"{percent(accuracy):>9}", "")])
    return lines[:height]


def classes_line(judged: Judged, chosen: str, width: int) -> Line:
    """The classes in one line, the largest differences first: `classes dog +2.1  cat +1.7 .. horse -0.1`."""
    others = [one.run.id for one in judged.marked if one.run.id != judged.baseline]
    run = chosen if chosen in others else others[0] if others else ""
    rows = sorted(class_rows(judged, run), key=lambda row: -row.difference) if run else []
    if not rows:
        return [(" classes  no class is known of both runs", "dim")]
    tail: Line = [("   ", ""), *hints([("tab", "bars")])]
    line: Line = []
    for count in range(min(len(rows), _MOST_NAMED), 0, -1):
        shown = rows if len(rows) <= count else [*rows[: count - 1], rows[-1]]
        line = [(" classes", "dim")]
        for row in shown:
            gap = " .. " if row is shown[-1] and len(rows) > len(shown) else "  "
            line += [(gap, "dim"), (f"{one_line(row.name)} {delta(row.difference)}", "strong" if row.is_clear else "")]
        if width_of(line) + width_of(tail) <= width:
            break
    return clip([*line, *tail], width)
