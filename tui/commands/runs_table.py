"""`cifar-tui runs table`: all recipes with their means over seeds, or all runs, for a paper or a spreadsheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput, nearest
from tui.commands.common import RunsDirs, finite, print_or_write, roots, width
from tui.commands.runs_list import FILTER_HELP

if TYPE_CHECKING:
    from tui.drawing.typeset import Table

FORMATS: Final = ("text", "md", "latex", "csv", "json")
KINDS: Final = ("recipe", "run")


def table(
    by: str = typer.Option("recipe", "--by", help="What a row is: recipe (mean over its seeds) or run."),
    form: str = typer.Option("text", "--format", help="text, md, latex, csv, or json."),
    filter_text: str = typer.Option("", "--filter", help=FILTER_HELP.replace("List", "Use")),
    out: Path | None = typer.Option(None, "--out", help="File to write to. Without it, stdout is used."),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Print a table of recipes with mean, spread and n, as text, Markdown, LaTeX, CSV or JSON.

    A recipe's row counts its finished runs, each seed once, at their last epochs. CSV and JSON have accuracies from 0
    to 1, all others percent.
    """
    from engine.analysis.chosen import by_recipe
    from engine.analysis.filter import parse_filter
    from engine.contract.run.index import Index
    from tui.drawing.export_tables import recipe_data, recipe_table, runs_table

    form = "json" if as_json else form
    for option, value, choices in (("--by", by, KINDS), ("--format", form, FORMATS)):
        if value not in choices:
            raise BadInput(f"{option} {value!r}: not one of {', '.join(choices)}{nearest(value, choices)}")
    rows = parse_filter(filter_text).select(Index().rows(roots(runs_dir)))
    groups = by_recipe(rows) if by == "recipe" else []
    if form in ("csv", "json"):
        text = _data(
            [recipe_data(group) for group in groups] if by == "recipe" else [row.to_json() for row in rows], form
        )
    else:
        text = _typeset(recipe_table(groups) if by == "recipe" else runs_table(rows), form, by)
    print_or_write(text, out)


def _data(rows: list[dict[str, Any]], form: str) -> str:
    from tui.drawing.typeset import csv_table

    if form == "json":
        return json.dumps(finite(rows)) + "\n"
    flat = [{key: _cell(value) for key, value in finite(row).items()} for row in rows]
    return csv_table(list(flat[0]), [list(row.values()) for row in flat]) if flat else ""


def _cell(value: Any) -> Any:
    """A value of JSON as a cell of a spreadsheet: lists become words."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _typeset(sheet: Table, form: str, by: str) -> str:
    from tui.drawing.typeset import latex, markdown, text

    match form:
        case "md":
            return markdown(sheet)
        case "latex":
            return latex(sheet, f"{by}s")
        case _:
            return text(sheet, width())
