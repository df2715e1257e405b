"""`cifar-tui suites report`: the measured results of a suite's rows beside the reported ones, in five formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from engine.analysis.report import Reproduction, outcome, reproduce
from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Recipe
from engine.contract.run.index import Index
from engine.contract.run.store import Summary
from presets.references import recipe_of
from presets.suites import Row, Suite
from tui.commands import svg_file
from tui.commands.common import finite, print_or_write, say
from tui.drawing.suite_chart import suite_part
from tui.drawing.suite_figures import flatten, row_data
from tui.drawing.suite_table import further_table, measured_table
from tui.drawing.typeset import Table, csv_table, latex, markdown, text
from tui.plans.suite import Shrink, items

FORMATS: Final = ("text", "markdown", "latex", "csv", "json")


def write(
    suite: Suite,
    rows: Sequence[Row],
    shrink: Shrink,
    roots: Sequence[Path],
    form: str,
    out: Path | None,
    width: int,
    figure: Path | None = None,
) -> None:
    """Print the report, or write it to a file. Raises BadInput for an unknown format or an unwritable file.

    Args:
        figure: an SVG file for reported against measured, in addition to the report.
    """
    if form not in FORMATS:
        raise BadInput(f"--format {form!r}: not one of {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    recipes = {item.label: item.resolution.recipe for item in items(suite, rows, shrink, catalog())}
    known = Index().rows(roots)
    lines = measure(rows, recipes, known)
    if figure is not None:
        svg_file.save([suite_part(suite, rows, lines, str(shrink))], figure, "--figure")
    report = _render(suite, rows, recipes, lines, shrink, form, width)
    print_or_write(report, out)
    if form == "text":
        _hint_at_other_runs(suite, recipes, known, shrink)


def measure(rows: Sequence[Row], recipes: dict[str, Recipe], known: Sequence[Summary]) -> list[Reproduction]:
    """The measured results of each row; a run that belongs to several rows is read once."""
    read = cache(outcome)
    return [
        reproduce(row.id, recipes[row.id].recipe_id, row.reported.selection, row.reported.test_accuracy, known, read)
        for row in rows
    ]


def _render(
    suite: Suite,
    rows: Sequence[Row],
    recipes: dict[str, Recipe],
    lines: Sequence[Reproduction],
    shrink: Shrink,
    form: str,
    width: int,
) -> str:
    if form in ("json", "csv"):
        return _data(suite, rows, recipes, lines, shrink, form)
    sheets: list[Table | None] = [
        measured_table(suite, rows, lines, str(shrink), width if form == "text" else 0),
        further_table(suite, rows, lines, str(shrink)),
    ]
    made: Callable[[Table, str], str] = {
        "text": lambda sheet, _: text(sheet, width),
        "markdown": lambda sheet, _: markdown(sheet),
        "latex": latex,
    }[form]
    labels = (suite.name, f"{suite.name}-further")
    return "\n".join(made(sheet, label) for sheet, label in zip(sheets, labels, strict=True) if sheet)


def _data(
    suite: Suite,
    rows: Sequence[Row],
    recipes: dict[str, Recipe],
    lines: Sequence[Reproduction],
    shrink: Shrink,
    form: str,
) -> str:
    parts = catalog()
    data = [
        row_data(row, one, recipes[row.id].recipe_id, changes(recipe_of(row.recipe, parts), recipes[row.id], parts))
        for row, one in zip(rows, lines, strict=True)
    ]
    if form == "json":
        whole: dict[str, Any] = {
            "suite": suite.name,
            "title": suite.title,
            "source": suite.source,
            "departure": shrink.table(),
            "rows": data,
        }
        return json.dumps(finite(whole)) + "\n"
    records = [{"suite": suite.name, "departure": str(shrink)} | flatten(row) for row in data]
    return csv_table(list(records[0]), [list(record.values()) for record in records])


def _hint_at_other_runs(suite: Suite, recipes: dict[str, Recipe], known: Sequence[Summary], shrink: Shrink) -> None:
    """Point out runs of this suite with other settings: who shrank a suite may not find its runs in the report."""
    ours = {recipe.recipe_id for recipe in recipes.values()}
    left = [run for run in known if f"suite:{suite.name}" in run.tags and run.recipe_id not in ours]
    if left and not shrink:
        lengths = ", ".join(map(str, sorted({run.epochs for run in left})))
        say(
            f"Not shown: {len(left)} runs of this suite with other settings (epochs: {lengths}). "
            "To show them, repeat the --epochs, --fraction and --set that they were started with."
        )
