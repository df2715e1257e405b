"""Overview: how good the run is, how it came there, and what made it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.dashboard.curves import accuracy_curves, aligned, loss_curves
from tui.dashboard.log import log_lines
from tui.dashboard.options import Frame
from tui.drawing import overview_tables as tables
from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart
from tui.drawing.format import counted
from tui.drawing.further_panes import corruption_pane, further_pane
from tui.drawing.further_sets import corruption_table, sets_table
from tui.drawing.lines import Line, clip, fit, heading, width_of
from tui.drawing.log_tail import draw_log_line
from tui.drawing.marks import hollow_of
from tui.drawing.overview_panes import classes_pane, commands_pane, files_pane, made_pane, note_pane, result_pane
from tui.drawing.typeset import Table, by_label
from tui.inspection.fact_tables import (
    AT,
    DIFFERENCE,
    IMAGES,
    INTERVAL,
    NOT_PAIRED,
    baseline_table,
    recipe_table,
    unknown,
)
from tui.inspection.facts import Facts
from tui.inspection.tab import GAP, WIDE, WIDEST, Canvas, Tab, beside

ROOMY: Final = 190
"""Cells from which the names of all fields fit into the column of the recipe."""
_EXPORTED: Final = Frame(120, 20)
"""The cells that titles and labels of exported curves are worded for."""
LEAST_CHART: Final = 8
"""Lines of a chart with its heading below which it says nothing."""


class OverviewTab(Tab):
    """The result with everything that it is confused with on one ruler; curves at the left, provenance at the right."""

    title = "Overview"
    short = "Over"

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        kept = facts.kept
        if canvas.width < WIDE:
            return self._narrow(facts, canvas)
        width = canvas.width
        foot = kept.get("foot", canvas, lambda: _foot(facts, canvas))
        body = canvas.height - len(foot)

        def provenance(cells: int) -> list[Line]:
            return kept.get("provenance", canvas, lambda: self._right(facts, cells, body))

        if width < WIDEST:
            left = round(width * 0.545)
            right = width - left - GAP
            columns = [(self._left(facts, canvas, left, body), left), (provenance(right), right)]
        else:
            left, rest = (
                round(width * (0.44 if width >= ROOMY else 0.42)),
                round(width * (0.25 if width >= ROOMY else 0.23)),
            )
            right = width - left - rest - 2 * GAP
            recipe = kept.get("recipe", canvas, lambda: recipe_pane(facts, rest, body))
            columns = [(self._left(facts, canvas, left, body), left), (provenance(right), right), (recipe, rest)]
        return [*beside(columns, body), *foot]

    def tables(self, facts: Facts) -> list[Table]:
        """Those of the tab alone: the recipe and the log, which a large screen has room for, are tabs of their own."""
        one, on = facts.overview, facts.on
        found = [tables.result_table(one), baseline_table(facts)]
        found += [sets_table(facts.further)] if facts.further else []
        found.append(tables.made_table(one))
        if on is not None and on.corrupted:
            found.append(corruption_table(on))
        elif one.classes:
            found.append(tables.classes_table(one.classes, facts.set_name))
        found += [tables.files_table(one.files), tables.commands_table(one)]
        note = tables.note_table(one, facts.view.train_mixed)
        return [table for table in [*found, note] if table is not None and (table.rows or table.legend)]

    def charts(self, facts: Facts) -> list[Chart]:
        view, options = facts.view, facts.options
        accuracy = accuracy_curves(view, facts.baseline, options, _EXPORTED, facts.look)
        return [accuracy, loss_curves(view, options, _EXPORTED, facts.look, base=facts.baseline)]

    def _left(self, facts: Facts, canvas: Canvas, width: int, height: int) -> list[Line]:
        top = [*_result(facts, width), *further_pane(facts.further, facts.on, width), *([[]] if height >= 30 else [])]
        return [*top, *charts(facts, canvas, width, max(height - len(top), LEAST_CHART))]

    def _right(self, facts: Facts, width: int, height: int) -> list[Line]:
        one = facts.overview
        made = made_pane(one, width)
        air: list[Line] = [[]] if height >= 30 else []
        rest = height - len(made) - 2 * len(air)
        files = files_pane(one.files, width, min(len(one.files) + 1, max(rest - 12, 5)))
        if facts.on is not None and facts.on.corrupted:
            files = []  # the table of corruptions takes their place
        classes = _classes(facts, width, rest - len(files))
        spare = height - len(made) - len(files) - len(classes)
        more = log_pane(facts, width, spare - 3) if spare >= 6 else []
        return [*made, *air, *classes, *air, *files, *air, *more]

    def _narrow(self, facts: Facts, canvas: Canvas) -> list[Line]:
        """One column, which scrolls: the result and the curve first."""
        one, width = facts.overview, canvas.width
        top = [*_result(facts, width), *further_pane(facts.further, facts.on, width)]
        chart = charts(facts, canvas, width, max(canvas.height - len(top), LEAST_CHART), both=False)
        rest = [*made_pane(one, width), *commands_pane(one, width), *_classes(facts, width, 22 if facts.on else 11)]
        files = files_pane(one.files, width, len(one.files) + 1)
        return [*top, *chart, *rest, *files, *note_pane(one, facts.view.train_mixed, width)]


def _foot(facts: Facts, canvas: Canvas) -> list[Line]:
    """The lines across the whole width below the columns: the commands and the note."""
    one, width, air = facts.overview, canvas.width, canvas.air
    return [*air, *commands_pane(one, width), *air, *note_pane(one, facts.view.train_mixed, width)]


def _result(facts: Facts, width: int) -> list[Line]:
    look = facts.look
    lines = result_pane(facts.overview, look.role, look.mark[:1] + hollow_of(look.slot), width)
    return [*lines, *_against(facts, width)]


def _against(facts: Facts, width: int) -> list[Line]:
    """The difference to the baseline, and its interval on the images that both runs were tested on."""
    table = baseline_table(facts)
    if table is None or facts.baseline is None:
        return []
    found = by_label(table)
    line: Line = [(f" b {facts.baseline.short_id}: ", "dim")]
    if not found:
        return [clip([*line, ("no epoch to compare at", "dim")], width)]
    line += [(found[DIFFERENCE], "strong"), (" points", "")]
    line += [(f" at {found[AT]}", "dim")] if not found[AT].startswith("epoch") else []
    if NOT_PAIRED in found:
        line.append((f"   not paired: {found[NOT_PAIRED]}", "dim"))
    else:
        line.append((f"   95 % {found[INTERVAL]}", "dim"))
        images = f" on the same {found[IMAGES]} images"
        line += [(images, "dim")] if width_of(line) + len(images) <= width else []
    return [clip(line, width)]


def _classes(facts: Facts, width: int, height: int) -> list[Line]:
    """Recall and precision by class on the set that is shown; of a corruption set its corruptions by severity."""
    if facts.on is not None and facts.on.corrupted:
        return corruption_pane(facts.on, width, height)
    return classes_pane(facts.overview.classes, width, height, facts.set_name) if facts.overview.classes else []


def charts(facts: Facts, canvas: Canvas, width: int, height: int, *, both: bool = True) -> list[Line]:
    """Accuracy, and below it the loss where there is room for both."""
    cells = canvas, width, height, both
    return facts.kept.get("charts", (facts.options, cells), lambda: _charts(facts, *cells))


def _charts(facts: Facts, canvas: Canvas, width: int, height: int, both: bool) -> list[Line]:
    view, options = facts.view, facts.options
    both = both and height >= 2 * LEAST_CHART
    air = canvas.air if both else []
    upper = round((height - len(air)) * 0.55) if both else height
    lower = max(height - len(air) - upper, 2)
    frames = [Frame(width, rows - 1, canvas.glyphs, color=canvas.color) for rows in (upper, lower)]
    accuracy = accuracy_curves(view, facts.baseline, options, frames[0], facts.look)
    loss = replace(loss_curves(view, options, frames[1], facts.look, base=facts.baseline), rights=())
    first, second = aligned(accuracy, loss, (frames[0], frames[1]))
    lines = chart_pane(accuracy, first, width, upper)
    return [*lines, *air, *chart_pane(loss, second, width, lower)] if both else lines


def log_pane(facts: Facts, width: int, height: int) -> list[Line]:
    """The newest lines of the log, the newest first."""
    rows = log_lines(facts.view.history, height)
    lines = [heading("log", width, ["the newest first"])]
    lines += [draw_log_line(row, width) for row in reversed(rows[-max(height - 1, 0) :])]
    return lines if rows else [*lines, [("nothing has been written yet", "dim")]]


def recipe_pane(facts: Facts, width: int, height: int = 0) -> list[Line]:
    """The fields of the recipe in as many columns as fit; those changed from the preset stand out.

    Args:
        height: lines there are; 0 for as many as it takes.
    """
    rows = recipe_table(facts).rows
    if not rows:
        return [heading("recipe", width), [(unknown(facts), "dim" if facts.overview.run.layout else "warn")]]
    across = max((width + GAP) // 44, 1)
    column = (width + GAP) // across - GAP
    down = -(-len(rows) // across)
    down = min(down, height - 1) if height else down
    shown = rows[: down * across]
    more = counted(len(rows), "field") if len(shown) == len(rows) else f"{len(shown)} of {len(rows)} fields"
    lines = [heading("recipe", width, [more])]
    name = min(max((len(key) for key, _ in shown), default=0), column // 2 + 4)
    for at in range(down):
        line: Line = []
        for i, (key, value) in enumerate(shown[at::down]):
            line += [(" " * GAP if i else "", ""), (fit(key, name) + " ", "dim")]
            line.append((fit(value, column - name - 1), ""))
        lines.append(line)
    return lines
