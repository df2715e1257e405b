"""`cifar-tui runs`: look at runs. The commands that act on them are in `runs_control` and `runs_disk`."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput
from engine.contract.text import clean, escaped, one_line
from tui.commands import compare, runs_control, runs_disk
from tui.commands.common import Json, Ref, Refs, RunsDirs, finite, group, print_json, print_table, roots, say
from tui.drawing.format import NONE, age, counted, file_size, percent, picked, work

if TYPE_CHECKING:
    from engine.contract.recipe.schema import Recipe
    from engine.contract.run.events import Epoch
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import Summary

app = group("Every run you ever made.")
runs_control.add_to(app)
runs_disk.add_to(app)


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Without a word: list."""
    if ctx.invoked_subcommand is None:
        list_runs(filter_text="", limit=0, trash=False, as_json=as_json, runs_dir=runs_dir)


@app.command("list")
def list_runs(
    filter_text: str = typer.Option("", "--filter", help="acc>0.95 model:resnet34 tag:paper status:failed started>3w"),
    limit: int = typer.Option(0, "--limit", help="At most so many; 0 is all.", min=0),
    trash: bool = typer.Option(False, "--trash", help="The deleted runs, which `runs restore` brings back."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """List the runs, live ones first; a narrow terminal shows fewer columns than a pipe gets."""
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
        empty = "the trash is empty" if trash else "no runs yet: cifar-tui --preset quickstart --headless"
        typer.echo(f"no runs match {filter_text!r}" if filter_text else empty)
    return None


def print_summaries(rows: Sequence[Summary], root: Path | None = None) -> None:
    """The table of runs on a plain terminal.

    Args:
        root: the runs folder whose trash gets a row of its own, where there is anything in it.
    """
    table = [
        [
            row.id,
            row.name or row.preset or row.model,
            row.changes or "-",
            str(row.seed),
            f"{row.epoch}/{row.epochs}",
            _accuracy(row.last_accuracy),
            NONE if row.best_accuracy is None else picked(row.best_accuracy, row.best_on),
            work(row.seconds, row.estimated),
            file_size(row.size_bytes),
            age(time.time() - row.started) if row.started else NONE,
            _state(row),
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
    if any(row.best_on == "test" and row.best_accuracy is not None for row in rows):
        typer.echo("* best epoch picked on the test set")


def _trash_row(root: Path) -> list[list[str]]:
    """What deleted runs still take on the disk."""
    from engine.contract.run.store import in_trash, trash_bytes

    size = trash_bytes(root)
    runs = counted(len(in_trash(root)), "run")
    return [["trash", runs, "-", "", "", "", "", "", file_size(size), "", "runs prune --trash"]] if size else []


def _state(row: Summary) -> str:
    """The state with its reason, or with when a run of another machine was last seen: "running, last seen 14 s ago"."""
    from engine.contract.run.status import LAST_SEEN

    if row.live and row.message.startswith(LAST_SEEN):
        return f"{row.status}, {row.message.partition(' on ')[0]}"
    return row.status + (f" ({row.reason})" if row.reason else "")


def _accuracy(value: float | None) -> str:
    return "-" if value is None else percent(value)


@app.command("show")
def show_run(run: str = Ref, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Show one run: its state, its recipe and how to repeat it."""
    from engine.contract.run.store import find, summarize
    from tui.commands.accuracy import accuracy_details
    from tui.drawing.figures import unreadable_note

    folder = find(roots(runs_dir), run)
    row, info = summarize(folder), folder.info()
    recipe, odd = _recipe_shown(folder)
    if as_json:
        for line in odd:
            say(line)
        return print_json(
            row.to_json()
            | {"best_on": row.best_on, "seconds_estimated": row.estimated}
            | {"recipe": recipe.to_table() if recipe else _as_json(folder.recipe_table())}
            | {"command": info.command, "versions": info.versions}
        )
    labels = folder.labels()
    facts = {
        "name": labels.name,
        "status": row.status + (f" ({row.reason})" if row.reason else "") + (f": {row.message}" if row.message else ""),
        "preset": info.preset + (f"; changes: {info.changes}" if info.changes else ""),
        "seed": str(info.seed),
        "epochs": f"{row.epoch} of {row.epochs}",
        "accuracy": ", ".join(
            [
                f"last {_accuracy(row.last_accuracy)} %",
                *accuracy_details(folder),
                f"best on {row.best_on} {_accuracy(row.best_accuracy)} %",
            ]
        ),
        "time": work(row.seconds, row.estimated) + (" (estimated from wall clocks)" if row.estimated else ""),
        "host": ", ".join(filter(None, (info.host, row.device))),
        "tags": " ".join(labels.tags),
        "notes": "; ".join(labels.notes),
        "damage": unreadable_note(row.garbage) if row.garbage else "",
        "folder": str(folder.path),
        "repeat": info.command,
        "versions": ", ".join(f"{key} {value}" for key, value in info.versions.items()),
    }
    for key, value in facts.items():
        if value:
            typer.echo(f"{key:9} {one_line(value)}")
    for line in odd:
        typer.echo(f"{'note':9} {one_line(line)}")
    return typer.echo(f"\n{recipe.to_toml() if recipe else _toml(folder.recipe_table())}", nl=False)


def _as_json(table: dict[str, Any]) -> Any:
    """A TOML table that nobody has checked: its dates and its infinities as text."""
    return json.loads(json.dumps(table, default=str), parse_constant=str)


def _toml(table: dict[str, Any]) -> str:
    import tomli_w

    return escaped(tomli_w.dumps(table))


def _recipe_shown(folder: RunFolder) -> tuple[Recipe | None, list[str]]:
    """The recipe as far as this version knows it, None where it does not; and lines about what it does not know."""
    odd = []
    try:
        folder.refuse_newer()
        folder.refuse_newer_checkpoints()
    except BadInput as error:
        odd += error.problems
    try:
        recipe, unknown = folder.look()
    except BadInput as error:
        return None, [*odd, *error.problems, *folder.origin()]
    if unknown:
        keys = f"recipe.toml has what this version does not know: {', '.join(unknown)}"
        odd += [keys, *folder.origin()]
    return recipe, odd


app.command("compare")(compare.compare)


@app.command("watch")
def watch_run(run: str = Ref, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Follow a run to its end, line by line. Ctrl-C ends the watching, not the run."""
    from engine.contract.run.events import encode
    from engine.contract.run.status import Status
    from engine.contract.run.store import find
    from engine.launch import watch
    from tui.commands.train import describe

    for event in watch.follow(find(roots(runs_dir), run)):
        if as_json and isinstance(event, Status):
            continue
        line = describe(event) if isinstance(event, Status) or not as_json else encode(event)
        if line:
            typer.echo(line)


@app.command("logs")
def logs(
    run: str = Ref,
    lines: int = typer.Option(0, "--lines", "-n", help="Only the last lines; 0 is all.", min=0),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Print what the processes of a run printed: its last 50 MB or so; with -n the end alone is read."""
    from engine.contract.run import logfile
    from engine.contract.run.store import find

    folder = find(roots(runs_dir), run)
    if (why := logfile.unreadable(folder.log)) is not None:
        raise BadInput(f"run {folder.id}: {folder.log} cannot be read: {why}")
    found = logfile.last_lines(folder.log, lines) if lines else logfile.all_lines(folder.log)
    if as_json:
        return print_json({"id": folder.id, "log": [clean(line) for line in found]})
    for line in found:
        typer.echo(clean(line))
    return None


@app.command("wait")
def wait(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Wait until runs have ended; the exit code is that of the worst of them."""
    from engine.contract.run.store import find, summarize
    from engine.launch import control
    from tui.commands.accuracy import accuracy_details
    from tui.commands.train import EXIT, final_line, result_of

    folders = [find(roots(runs_dir), ref) for ref in refs]
    results = []
    for folder in folders:
        control.wait(folder)
        results.append(result_of(folder))
        if not as_json:
            typer.echo(final_line(results[-1], accuracy_details(folder), estimated=summarize(folder).estimated))
    if as_json:
        print_json(results)
    raise SystemExit(max(EXIT.get(str(result["status"]), 1) for result in results))


@app.command("export")
def export(
    run: str = Ref,
    form: str = typer.Option("csv", "--format", help="csv or json."),
    out: Path | None = typer.Option(None, "--out", help="A file; stdout without it."),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Export the epochs of a run."""
    from engine.contract.run.fold import RunFold
    from engine.contract.run.store import find
    from tui.drawing.figures import unreadable_note

    form = "json" if as_json else form
    if form not in ("csv", "json"):
        raise BadInput(f"--format: got {form!r}, needs csv or json")
    folder = find(roots(runs_dir), run)
    fold = RunFold(folder.events).poll()
    rows = _epoch_rows(fold.course.epochs)
    if fold.garbage:
        say(f"warning: {unreadable_note(fold.garbage)}")
    text = json.dumps(finite({"id": folder.id, "epochs": rows}), indent=1) if form == "json" else _csv(rows)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from None


EXPORTED = (
    "epoch", "train_loss", "train_accuracy", "train_mixed", "test_loss", "test_accuracy", "holdout_loss",
    "holdout_accuracy", "clean_train_loss", "clean_train_accuracy", "lr", "images_per_second", "grad_norm",
    "update_ratio", "nonfinite", "weights", "raw_test_accuracy", "test_top5", "tta", "tta_accuracy", "t",
)  # fmt: skip


def _epoch_rows(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """One row an epoch."""
    rows = []
    for event in epochs:
        values = {name: getattr(event, name) for name in EXPORTED}
        row = {key: None if value != value else _written(value) for key, value in values.items()}
        rows.append(row | {"per_class": list(event.per_class)})
    return rows


def _written(value: Any) -> Any:
    """A value as a table in a file may hold it: text cannot break its line, or fail to be encoded."""
    return one_line(value) if isinstance(value, str) else value


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    classes = max((len(row["per_class"]) for row in rows), default=0)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*EXPORTED, *(f"class_{i}" for i in range(classes))])
    for row in rows:
        writer.writerow([row[name] for name in EXPORTED] + row["per_class"])
    return text.getvalue()
