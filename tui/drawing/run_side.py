"""The preview at the right of a wide table: the run under the cursor from top to bottom of the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import Glyphs, counted, delta, file_size, percent
from tui.drawing.lines import Line, clip, fit, heading, hints, wrap
from tui.drawing.per_class import WORST, ClassRow, bar_floor
from tui.drawing.run_columns import Marks
from tui.drawing.run_preview import PreviewValues, baseline_hint, changed, curve_pane, headline, problems, state, title

LEAST_CHART, MOST_CHART = 9, 15
"""Lines of the chart with its heading: below the first it says nothing, above the second others have their share."""
MOST_MISTAKES: Final = 12
LEAST_RECIPE: Final = 4


def side(
    preview: PreviewValues, marks: Marks, width: int, height: int, glyphs: Glyphs, *, chart: bool = True
) -> list[Line]:
    """All panes from top to bottom; those that do not fit are left out, and the curve takes what is left.

    Args:
        chart: whether the curve is drawn here, or elsewhere on the screen.
    """
    airy = height >= 40
    top = [title(preview.run, marks, width), *_facts(preview, marks, width - 1)]
    foot = [*_files(preview, width), *_notes(preview, width)]
    room = height - len(top) - len(foot) - 2 * airy
    reserved = MOST_CHART if chart else 0
    kept: list[list[Line]] = []
    for pane, least in ((_classes(preview, width), 0), (_mistakes(preview, width)[: MOST_MISTAKES + 1], 4)):
        free = room - airy - (LEAST_CHART if chart and not kept else reserved)
        if pane and free >= (least or len(pane)):
            kept.append(pane[:free])
            room -= len(kept[-1]) + airy
    if chart:
        kept.insert(0, curve_pane(preview, marks, width, max(room, 2), glyphs)[: max(room, 0)])
    elif room - airy >= LEAST_RECIPE:
        kept.append(recipe_pane(preview, width, room - airy))
    blocks = [top, *kept, foot]
    lines = [line for block in blocks for line in (*block, *([[]] if airy else []))]
    return [clip(line, width) for line in lines[:height]]


def _facts(preview: PreviewValues, marks: Marks, width: int) -> list[Line]:
    run = preview.run
    wrapped = [part for line in headline(preview, marks, 4 * width) for part in _wrapped(line, width)]
    out: list[Line] = [[(f"left out of means and verdicts: {one_line(run.excluded)}", "warn")]] if run.excluded else []
    words: list[Line] = [[(" · ".join(preview.details), "")]] if preview.details else []
    more = [part for line in problems(preview) for part in _wrapped(line, width)]
    changes = [[("changes ", "dim"), *part] for line in changed(run) for part in _wrapped(line[1:], width - 8)]
    return [*out, *wrapped, *changes, *words, *more, state(run), *baseline_hint(run, marks)]


def _wrapped(line: Line, width: int) -> list[Line]:
    """A line of one part in as many lines as it needs; others stay as they are."""
    if len(line) != 1:
        return [line]
    text, role = line[0]
    return [[(part, role)] for part in wrap(text, width)]


def _classes(preview: PreviewValues, width: int) -> list[Line]:
    """A bar for each class; with a baseline its value crosses the bar and the difference stands at the right."""
    rows: Sequence[ClassRow] = preview.classes
    if not rows:
        return []
    cut = len(rows) > WORST
    shown = sorted(rows, key=lambda row: row.accuracy)[:WORST] if cut else rows
    worst = min(shown, key=lambda row: row.accuracy)
    compared = any(math.isfinite(row.against) for row in shown)
    base = f"    Δ {preview.baseline.id[-4:]}" if compared and preview.baseline else ""
    name = f"{len(shown)} worst of {len(rows)} classes, test %" if cut else "per class, test %"
    floor = bar_floor(rows)
    cells = max(width - 12 - 7 - (10 if compared else 0) - 1, 4)

    def share(accuracy: float) -> float:
        return max(accuracy - floor, 0.0) / (1.0 - floor)

    lines = [heading(name, width, [f"bars from {100 * floor:.0f}   last{base}", f"last{base}"])]
    for row in shown:
        role = "hot" if row is worst else "bar"
        at = share(row.accuracy - row.against) if math.isfinite(row.against) else math.nan
        line: Line = [(fit(one_line(row.name), 12), "hot" if row is worst else "")]
        line += bar(share(row.accuracy), cells, role, at)
        line.append((percent(row.accuracy, 1).rjust(7), role if row is worst else "strong"))
        if compared:
            line.append((delta(row.against).rjust(10), "dim"))
        lines.append(line)
    return lines


def _mistakes(preview: PreviewValues, width: int) -> list[Line]:
    """The most frequent mistakes of the last test: the true class, what it was taken for, and how often."""
    names = [row.name for row in preview.classes]
    n = len(names)
    if n < 2 or len(preview.confused) != n * n:
        return []
    found = [(count, i // n, i % n) for i, count in enumerate(preview.confused) if count and i // n != i % n]
    if not found:
        return []
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    most, total = found[0][0], sum(count for count, _, _ in found)
    right: Line = [(f"{total:,}", "strong"), ("   ", ""), *hints([("i", "inspect")])]
    lines = [heading("most frequent mistakes", width, [right, f"{total:,}"])]
    cells = max(width - 33, 4)
    for count, true, taken in found:
        pair = f"{fit(one_line(names[true]), 10)} → {fit(one_line(names[taken]), 10)} "
        lines.append([(pair, ""), *bar(count / most, cells), (f"{count:>7}", "strong")])
    return lines


def recipe_pane(preview: PreviewValues, width: int, height: int) -> list[Line]:
    """The fields of the recipe in as many columns as fit, as far as there is room."""
    if not preview.fields:
        return []
    across = max((width + 2) // 34, 1)
    column = (width + 2) // across - 2
    down = min(-(-len(preview.fields) // across), height - 1)
    shown = preview.fields[: down * across]
    more = f"{len(shown)} of {len(preview.fields)} fields" if len(shown) < len(preview.fields) else ""
    lines = [heading("recipe", width, [more or counted(len(shown), "field")])]
    for at in range(down):
        line: Line = []
        for i, (key, value) in enumerate(shown[at::down]):
            line += [("  " if i else "", ""), (fit(key, 22) + " ", "dim"), (fit(one_line(value), column - 23), "")]
        lines.append(line)
    return lines


def _files(preview: PreviewValues, width: int) -> list[Line]:
    run = preview.run
    command = f"cifar-tui --preset run:{run.id[-4:]}"
    return [
        heading("files and command", width, [file_size(run.size_bytes)]),
        [(one_line(run.folder), "")],
        [(fit(command, width - 8), ""), ("y", "key"), (" copy", "dim")],
    ]


def _notes(preview: PreviewValues, width: int) -> list[Line]:
    run = preview.run
    right = [hints([("e", "write"), ("t", "tags")])]
    if not run.notes:
        return [heading("note", width, right), [("none yet: what should be remembered about this run?", "dim")]]
    lines: list[Line] = [[(part, "")] for part in wrap(one_line(run.notes[-1]), width - 1)[:2]]
    return [heading("note", width, right), *lines]
