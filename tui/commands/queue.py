"""`cifar-tui queue`: the runs that hold or wait for a device of this machine, and those that wait for a scheduler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from engine.contract.errors import BadInput, nearest
from tui.commands.common import Json, Refs, RunsDirs, group, print_json, print_or_write, print_table, roots, width
from tui.commands.runs_list import FILTER_HELP

if TYPE_CHECKING:
    from tui.drawing.typeset import Table

FORMATS: Final = ("text", "md", "latex", "csv", "json")

app = group("Runs that wait for a device: list, cancel.")


FilterText = typer.Option("", "--filter", help=FILTER_HELP)
Form = typer.Option("", "--format", help="Print whole tables as text, md, latex, csv, or json.")
Out = typer.Option(None, "--out", help="With --format, write the tables to this file.", metavar="FILE")


@app.callback(invoke_without_command=True)
def default(
    ctx: typer.Context,
    filter_text: str = FilterText,
    form: str = Form,
    out: Path | None = Out,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Run `list` when no command is given."""
    if ctx.invoked_subcommand is None:
        list_queue(filter_text, form, out, as_json, runs_dir)


@app.command("list")
def list_queue(
    filter_text: str = FilterText,
    form: str = Form,
    out: Path | None = Out,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """List the runs that hold or wait for a device, as the workbench shows them.

    Runs that were handed to Slurm or another scheduler and have not begun come last, with the scheduler's reason. With
    --format the runs that have ended within a day follow.
    """
    from engine.analysis.filter import parse_filter
    from engine.contract.run.index import Index
    from engine.launch import queue
    from tui.drawing.queue_table import Queued, ended_lately, ended_table, sections
    from tui.plans.waiting import handed_over

    if form and form not in FORMATS:
        raise BadInput(f"--format {form!r}: not one of {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    if out is not None and not form:
        raise BadInput("--out: give it with --format")
    tickets, trouble = queue.inspect()
    rows, keep = Index().rows(roots(runs_dir)), parse_filter(filter_text)
    notes = [*((ticket, "") for ticket in tickets), *handed_over(rows, tickets)]
    if trouble:
        typer.echo(f"warning: {trouble}", err=True)
    if filter_text:
        rows = keep.select(rows)
        kept = {row.folder for row in rows}
        notes = [(ticket, note) for ticket, note in notes if ticket.folder in kept]
    if as_json:
        return print_json([asdict(ticket) | {"note": note} for ticket, note in notes])
    now, runs = time.time(), {row.folder: row for row in rows}
    found = sections([Queued(ticket, runs.get(ticket.folder)) for ticket, _ in notes], now)
    tables = [part.table for part in found]
    if not form:
        return _print(tables)
    ended = ended_lately(rows, now)
    return _write([*tables, *([ended_table(ended)] if ended else [])], form, out)


def _print(tables: Sequence[Table]) -> None:
    """Print the sections; a narrow terminal shows fewer columns than a pipe or a file."""
    for i, table in enumerate(tables):
        typer.echo(table.title if not i else f"\n{table.title}")
        heads = [column.head for column in table.columns]
        right = [column.head for column in table.columns if column.right]
        print_table(heads, table.rows, right, ("recipe", heads[5]), ("changes", "epoch", "ends", "seed"))
    if not tables:
        typer.echo("the queue is empty")


def _write(tables: Sequence[Table], form: str, out: Path | None) -> None:
    """Print the sections in a format, or write them to a file."""
    from tui.drawing.table_files import written

    if form == "json":
        from tui.drawing.sheet import Sheet  # imports NumPy

        return print_or_write(Sheet("queue", tables=tables).written("json", "ascii"), out)
    labels = [f"queue-{number}" for number in range(1, len(tables) + 1)]
    return print_or_write(written(tables, form, width(), labels), out)


@app.command("cancel")
def cancel(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Remove waiting runs from the queue.

    They end as stopped and can be resumed.
    """
    from engine.contract.run.store import find
    from engine.launch import control

    folders = [find(roots(runs_dir), ref) for ref in refs]
    for folder in folders:
        control.cancel(folder)
    if as_json:
        return print_json([{"id": folder.id, "status": folder.status().state} for folder in folders])
    for folder in folders:
        typer.echo(f"{folder.id} cancelled")
    return None
