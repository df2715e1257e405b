"""The panes of the overview of a run, but for its curves: the result, how it was made, its classes, files and notes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.overview import ByClass, Overview, Stored
from tui.drawing import overview_tables as tables
from tui.drawing.bars import bar
from tui.drawing.format import age, counted
from tui.drawing.lines import Line, clip, fit, heading, hints, width_of, wrap
from tui.drawing.per_class import ClassRow, bar_floor
from tui.drawing.ruler import Ruled, ruler
from tui.drawing.typeset import by_label

LABEL: Final = 13
"""Width of the labels of facts."""
_ROLES: Final = {"reproduced": "ok", "within": "strong", "above": "strong", "below": "warn", "not alike": "warn"}


def result_pane(one: Overview, role: str, marks: str, width: int) -> list[Line]:
    """The headline, its interval, the ruler with everything that is confused with it, and the like-for-like line."""
    run, found = one.run, by_label(tables.result_table(one))
    took = f"took {found[tables.TOOK]}" if tables.TOOK in found else ""
    ended = f"{run.status} {age(time.time() - run.ended)}" if run.ended and not one.live else run.status
    lines = [heading("result", width, [" · ".join(filter(None, (ended, took))), ended])]
    if tables.EXCLUDED in found:
        lines.append([(f" left out of means and verdicts: {found[tables.EXCLUDED]}", "warn")])
    if message := found.get(tables.MESSAGE, ""):
        lines += [[(f" {part}", "bad" if run.status == "failed" else "warn")] for part in wrap(message, width - 2)]
    if run.last_accuracy is None:
        return [*lines, [(" no test yet" if one.live else " was not tested", "dim")]]
    half = f" ±{found[tables.HALF]}" if tables.HALF in found else ""
    what = f"   test, last epoch; 95 % of one run, {found.get(tables.IMAGES, '0')} images"
    lines.append([(f" {found[tables.LAST]} %", "strong"), (half, ""), (what, "dim")])
    best = math.nan if run.best_accuracy is None or not one.best_epoch else run.best_accuracy
    reported = one.promise.accuracy if one.promise else math.nan
    if width >= 40:
        drawn = ruler(Ruled(run.last_accuracy, one.interval, best, reported, role, marks), width - 3)
        lines += [[(" ", ""), *line] for line in drawn]
    lines.append(_legend(one, found, role, marks, width))
    if one.alike is not None:
        lines += _alike(one.alike.outcome, found, width)
    return [clip(line, width) for line in lines]


def _legend(one: Overview, found: Mapping[str, str], role: str, marks: str, width: int) -> Line:
    best_on = one.run.best_on
    line: Line = [(f" {marks[0]} ", role), (f"last {found[tables.LAST]}", role)]
    if best := found.get(tables.best_label(best_on)):
        line.append((f"   {marks[1]} best-on-{best_on} {best} @ {found[tables.BEST_EPOCH]}", role))
    else:
        line.append(("   tested at the end only" if not best_on else "", "dim"))
    if reported := found.get(tables.REPORTED):
        text = f"   ┊ {reported}"
        if width_of(line) + len(text) <= width:
            line.append((text, "reported"))
    return line


def _alike(outcome: str, found: Mapping[str, str], width: int) -> list[Line]:
    """The accuracy against the reported one, picked alike and over as many images, or why the two are not alike.

    Where both do not fit on one line, what follows from the figures stands below them.
    """
    if outcome == "not alike":
        return [[(f" {found[tables.ALIKE]}", "warn")]]
    measured, reported = found[tables.ALIKE_MEASURED], found[tables.ALIKE_REPORTED]
    line: Line = [(" like for like: ", "dim"), (f"{measured} against {reported}, {found[tables.ALIKE_DIFFERENCE]}", "")]
    words = (found[tables.ALIKE], _ROLES[outcome])
    whole: Line = [*line, (": ", ""), words]
    return [whole] if width_of(whole) <= width else [line, [("   ", ""), words]]


def made_pane(one: Overview, width: int) -> list[Line]:
    """The facts about how the run was made, in labeled lines."""
    lines = [heading("how it was made", width)]
    for label, text in tables.made_table(one).rows:
        parts = wrap(text, max(width - LABEL - 1, 8))
        for i, part in enumerate(parts[:3]):
            lines.append([(fit(label if not i else "", LABEL), "dim"), (part, "")])
    return [clip(line, width) for line in lines]


def classes_pane(classes: Sequence[ByClass], width: int, height: int, name: str = "test") -> list[Line]:
    """Recall as a bar, recall and precision as figures; the worst class stands out.

    Args:
        name: what the images are called.
    """
    shown = classes[: max(height - 1, 0)]
    title = f"per class, {name} %" if len(shown) == len(classes) else f"{len(shown)} worst of {len(classes)} classes, %"
    lines = [heading(title, width, ["recall   precision", "recall"])]
    floor = bar_floor([ClassRow(one.name, one.recall) for one in classes])
    cells = max(width - 12 - 8 - 12, 4)
    for i, (one, (name, recall, precision)) in enumerate(zip(shown, tables.classes_table(shown).rows, strict=True)):
        role = "hot" if not i else ""
        share = max(one.recall - floor, 0.0) / (1.0 - floor) if math.isfinite(one.recall) else math.nan
        lines.append(
            [
                (fit(name, 12), role),
                *bar(share, cells, role or "bar"),
                (recall.rjust(8), role or "strong"),
                (precision.rjust(12), "dim"),
            ]
        )
    return [clip(line, width) for line in lines]


def files_pane(files: Sequence[Stored], width: int, height: int) -> list[Line]:
    """Each file with its size and what it holds."""
    table = tables.files_table(files)
    total = table.legend[0].removesuffix(" in all")
    lines = [heading("files", width, [[(total, "strong"), ("   ", ""), *hints([("D", "delete")])], total])]
    rows = max(height - 1, 0)
    shown = table.rows if len(files) <= rows else table.rows[: max(rows - 1, 0)]
    for name, size, what in shown:
        lines.append([(fit(name, 23), ""), (size.rjust(9), "strong"), (f"  {what}", "dim")])
    if len(shown) < len(files):
        lines.append([(f"and {counted(len(files) - len(shown), 'more file')}", "dim")])
    return [clip(line, width) for line in lines]


def commands_pane(one: Overview, width: int) -> list[Line]:
    """The commands that repeat the run, print its figures, print this page, and export its epochs."""
    rows = tables.commands_table(one).rows
    lines = [heading("say it with a command", width, [hints([("y", "copy")])])]
    if width >= 110:
        for first, second in (rows[:2], rows[2:]):
            half = width // 2
            line: Line = [(f" {first[0]:<10}", "dim"), (fit(first[1], half - 12), "")]
            lines.append([*line, (f" {second[0]:<10}", "dim"), (second[1], "")])
    else:
        lines += [[(f" {label:<10}", "dim"), (command, "")] for label, command in rows]
    return [clip(line, width) for line in lines]


def note_pane(one: Overview, mixed: bool, width: int) -> list[Line]:
    """The newest note, the tags, and what the asterisks mean."""
    table = tables.note_table(one, mixed)
    found = by_label(table)
    lines = [heading("note", width, [hints([("e", "edit"), ("t", "tags")], "   ")])]
    note = found.get("note", "none yet: what should be remembered about this run?")
    tail: Line = [("   tags ", "dim"), (found["tags"], "strong")] if "tags" in found else []
    size = max(min(len(note), width - 3 - width_of(tail)), 8)
    lines.append([(f" {fit(note, size)}", "" if "note" in found else "dim"), *tail])
    lines += [[(f" {' '.join(table.legend)}", "dim")]] if table.legend else []
    return [clip(line, width) for line in lines]
