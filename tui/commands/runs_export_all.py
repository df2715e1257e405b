"""`cifar-tui runs export --all`: a table of all runs, one row a run, with a column for each field that differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.errors import BadInput, nearest
from tui.commands.common import finite, print_or_write, say
from tui.commands.runs_list import FILTER_HELP

if TYPE_CHECKING:
    from engine.analysis.recipe_fields import Fields
    from engine.contract.run.summary import Summary

FORMATS: Final = ("csv", "json", "md", "latex")
EveryRun = typer.Option(False, "--all", help="Export a table of all runs: one row a run, each changed field a column.")
Filter = typer.Option("", "--filter", help=FILTER_HELP.replace("List", "With --all, export"))


def refuse_without_all(ref: object, filter_text: str) -> None:
    """BadInput if no run is named, or a filter is given for a run that is named."""
    if not ref:
        raise BadInput("runs export: name a run, or give --all")
    if filter_text:
        raise BadInput("--filter chooses among all runs: give it with --all and without a run")


def export_all(form: str, filter_text: str, out: Path | None, roots: Sequence[Path], ref: object) -> None:
    """Print the table, or write it to a file.

    CSV and JSON have the keys of `runs list --json` and one for each field, such as `optimizer.lr`, with accuracies
    from 0 to 1; Markdown and LaTeX have a few columns for people, and accuracies in percent.

    Raises:
        BadInput: the format is unknown, a run is named as well, or the file cannot be written.
    """
    from engine.analysis.filter import parse_filter
    from engine.analysis.recipe_fields import differing_fields
    from engine.contract.run.index import Index
    from tui.drawing.export_tables import fields_table
    from tui.drawing.typeset import latex, markdown

    if ref:
        raise BadInput("--all exports every run: name no run, or leave out --all")
    if form not in FORMATS:
        raise BadInput(f"--format {form!r}: with --all, not one of {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    runs = parse_filter(filter_text).select(Index().rows(roots))
    fields = differing_fields(runs)
    if fields.unreadable:
        say(f"without the fields of {len(fields.unreadable)} runs whose recipes cannot be read: {fields.unreadable[0]}")
    match form:
        case "md":
            text = markdown(fields_table(runs, fields))
        case "latex":
            text = latex(fields_table(runs, fields), "runs")
        case _:
            text = _data(runs, fields, form)
    print_or_write(text, out)


def _data(runs: Sequence[Summary], fields: Fields, form: str) -> str:
    from engine.contract.run.summary import JSON_KEYS
    from tui.drawing.export_tables import field_text
    from tui.drawing.typeset import csv_table

    rows: list[dict[str, Any]] = [
        run.to_json() | {path: values.get(path) for path in fields.paths}
        for run, values in zip(runs, fields.rows, strict=True)
    ]
    if form == "json":
        return json.dumps(finite(rows)) + "\n"
    plain = [
        {key: value if isinstance(value, str | int | float | None) else field_text(value) for key, value in row.items()}
        for row in finite(rows)
    ]
    return csv_table([*JSON_KEYS, *fields.paths], [list(row.values()) for row in plain])
