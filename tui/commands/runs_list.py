"""`cifar-tui runs list`: the table of all runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from engine.contract.text import one_line
from tui.commands.common import Json, RunsDirs, print_json, print_table, roots
from tui.drawing.format import NONE, age, counted, file_size, percent, picked, work

if TYPE_CHECKING:
    from engine.contract.run.summary import Summary

FILTER_HELP = (
    "List only runs that match every term, such as: acc>0.95 model:resnet34 tag:paper status:failed started>3w"
)


def list_runs(
    filter_text: str = typer.Option("", "--filter", help=FILTER_HELP),
    limit: int = typer.Option(0, "--limit", help="List at most this many runs; 0 lists all of them.", min=0),
    trash: bool = typer.Option(False, "--trash", help="List the deleted runs, which `runs restore` can bring back."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """List runs, live ones first. A narrow terminal shows fewer columns than a pipe or a file."""
    from engine.analysis.filter import parse_filter
    from engine.contract.run.index import Index
    from engine.contract.run.store import trash_of

    keep, places = parse_filter(filter_text), roots(runs_dir)
    rows = keep.select(Index().rows([trash_of(places[0])] if trash else places))
    rows.sort(key=lambda row: not row.live)  # stable: newest first within both halves
    rows = rows[:limit] if limit else rows
    if as_json:
        return print_json([row.to_json() for row in rows])
    print_summaries(rows, None if trash or filter_text else places[0])
    if not rows:
        empty = (
            "the trash is empty" if trash else "no runs yet; start one with: cifar-tui --preset quickstart --headless"
        )
        typer.echo(f"no runs match {filter_text!r}" if filter_text else empty)
    return None


def print_summaries(rows: Sequence[Summary], root: Path | None = None) -> None:
    """The table of runs on a plain terminal.

    Args:
        root: the runs folder whose trash gets a row of its own unless it is empty.
    """
    from engine.analysis.seeds import left_out

    table = [
        [
            row.id,
            (row.name or row.recipe_name) + (f" ({row.layout})" if row.layout else ""),
            row.changes or NONE,
            NONE if row.layout else str(row.seed),
            f"{row.epoch}/{row.epochs}",
            NONE if row.last_accuracy is None else percent(row.last_accuracy),
            NONE if row.best_accuracy is None else picked(row.best_accuracy, row.best_on),
            work(row.seconds, row.estimated),
            file_size(row.size_bytes),
            age(time.time() - row.started) if row.started else NONE,
            _status(row),
        ]
        for row in rows
    ]
    print_table(
        ["id", "recipe", "changes", "seed", "epoch", "last", "best", "time", "size", "started", "status"],
        table + (_trash_row(root) if root else []),
        right=["seed", "epoch", "last", "best", "time", "size"],
        shrink=["recipe", "changes"],
        drop=["started", "changes", "seed", "best", "size"],
    )
    if note := left_out(row.excluded for row in rows):
        typer.echo(f"{note}; not in any mean, verdict or grid")
    if any(row.best_on == "test" and row.best_accuracy is not None for row in rows):
        typer.echo("* best epoch picked on the test set")


def _trash_row(root: Path) -> list[list[str]]:
    """The disk space that deleted runs still take, as a row of the table; none when the trash is empty."""
    from engine.contract.run.store import in_trash, trash_bytes

    size = trash_bytes(root)
    runs = counted(len(in_trash(root)), "run")
    return [["trash", runs, NONE, "", "", "", "", "", file_size(size), "", "runs prune --trash"]] if size else []


def _status(row: Summary) -> str:
    """The status with its reason, and why the run is left out: "finished, left out: wrong crop".

    On another machine with when it was seen: "running, last seen 14 s ago".
    """
    from engine.contract.run.status import LAST_SEEN

    out = f", left out: {one_line(row.excluded, 60)}" if row.excluded else ""
    if row.live and row.message.startswith(LAST_SEEN):
        return f"{row.status}, {row.message.partition(' on ')[0]}{out}"
    return row.status + (f" ({row.reason})" if row.reason else "") + out
