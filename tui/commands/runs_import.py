"""`cifar-tui runs import`: runs of other programs, from event files or CSV files, as read-only runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput, user_path
from engine.contract.text import clean, one_line
from tui.commands.common import Json, RunsDirs, print_json, print_table, roots
from tui.drawing.format import NONE, counted

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder
    from engine.exchange.imports.layouts import FoundRun
    from engine.exchange.imports.plan import ImportOptions, ImportPlan, Scalar


def import_runs(
    folders: list[str] = typer.Argument(
        ..., help="Folders with event files or CSV files of other programs, or such files.", metavar="FOLDER..."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what each file and tag would become; write nothing."),
    series: list[str] = typer.Option(
        [],
        "--map",
        help="Take a tag for this series, for example metric=test_accuracy. Repeatable.",
        metavar="TAG=SERIES",
    ),
    split: str = typer.Option(
        "", "--split", help="val=test takes validation series for test series.", metavar="val=test"
    ),
    recipe_name: str = typer.Option(
        "", "--recipe-name", help="Group the imported runs under this name in Results.", metavar="NAME"
    ),
    partial: bool = typer.Option(
        False, "--partial", help="Of a damaged event file, import what comes before the damage."
    ),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Import runs of other programs from event files of TensorBoard or from CSV files.

    An imported run is shown and compared like any other. It cannot be resumed, repeated or edited, since its recipe is
    unknown. Importing the same files again changes nothing.
    """
    from engine.exchange.imports.layouts import find_runs
    from engine.exchange.imports.plan import ImportOptions, size_of
    from engine.exchange.imports.series import check_names

    if split not in ("", "val=test"):
        raise BadInput(f"--split {split}: the only choice is val=test")
    options = ImportOptions(_given(series), bool(split), _checked_name(recipe_name), partial)
    check_names(options.series)
    found = list({run.folder / run.name: run for folder in folders for run in find_runs(user_path(folder))}.values())
    with _bar(size_of(found)) as progress:
        outcomes = _import(found, options, roots(runs_dir)[0], progress, dry_run=dry_run)
    if as_json:
        return print_json([outcome.data for outcome in outcomes])
    for outcome in outcomes:
        if dry_run:
            _print_lines(outcome.head)
            print_table(["tag", "points", "series", "unit", "split"], outcome.table)
            _print_lines(outcome.notes)
        typer.echo(f"{outcome.run or NONE}  {outcome.done}  {outcome.summary}")
        if not dry_run:
            _print_lines(outcome.notes)
    return None


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What was done about a run of another program, in words: the points themselves would fill the memory."""

    run: str
    """Its id; "" in a dry run."""
    done: str
    """"imported", "already imported" or "would be imported"."""
    summary: str
    head: list[str]
    table: list[list[str]]
    """A row for each tag."""
    notes: list[str]
    data: dict[str, Any]
    """The same as JSON."""


def _import(
    found: Sequence[FoundRun], options: ImportOptions, root: Path, progress: Callable[[int], None], *, dry_run: bool
) -> list[ImportOutcome]:
    """Read and write one run after the other, so that only one is in memory.

    Raises:
        BadInput: with the problems of all runs; then none of them is left.
    """
    from engine.exchange.imports.made import take_back
    from engine.exchange.imports.plan import plan
    from engine.exchange.imports.series import check_map
    from engine.exchange.imports.write import existing, write

    outcomes, problems, made = list[ImportOutcome](), list[str](), list["RunFolder"]()
    for one in found:
        try:
            planned = plan(one, options, progress)
            run, done = existing(planned, root), "already imported"
            if not run:
                done = "would be imported" if dry_run else "imported"
                made += [] if dry_run else [write(planned, root)]
                run = "" if dry_run else made[-1].id
            outcomes.append(_outcome(planned, run, done))
        except BadInput as error:
            problems += error.problems
    try:
        if problems:
            raise BadInput(problems)
        check_map(options.series, [tag for outcome in outcomes for tag in outcome.data["series"]])
    except BadInput:
        take_back(made)
        raise
    return outcomes


def _outcome(plan: ImportPlan, run: str, done: str) -> ImportOutcome:
    return ImportOutcome(
        run=run,
        done=done,
        summary=f"{one_line(plan.found.name)}: {_summary(plan)}",
        head=[
            f"{plan.found.folder} -> {plan.found.name} ({plan.found.layout})",
            *(f"  {file.file}" for file in plan.files),
            f"  {plan.axis.words}",
        ],
        table=[_row(scalar) for scalar in plan.scalars],
        notes=_notes(plan),
        data=_as_json(plan, run, done),
    )


def _given(series: Sequence[str]) -> Mapping[str, str]:
    """`--map TAG=SERIES` as a mapping; a tag may hold equals signs, a series cannot. BadInput without one."""
    pairs = [text.rpartition("=") for text in series]
    if wrong := [text for text, (tag, _, name) in zip(series, pairs, strict=True) if not (tag and name)]:
        raise BadInput([f"--map {text}: write TAG=SERIES, for example metric=test_accuracy" for text in wrong])
    return {tag: name for tag, _, name in pairs}


def _checked_name(name: str) -> str:
    from engine.contract.run.labels import check_name

    return check_name(name) if name else ""


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda read: progress.advance(task, read)


def _summary(plan: ImportPlan) -> str:
    """What the run is, in a few words."""
    ours = len(plan.scalars) - len(plan.others)
    length = counted(len(plan.course.epochs), "epoch") if plan.axis.epochs else counted(len(plan.course.steps), "step")
    return f"{plan.found.layout}, {length}, {ours} series" + (f", {len(plan.others)} other scalars" * bool(plan.others))


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(clean(line))


def _notes(plan: ImportPlan) -> list[str]:
    """What the user should know about the import."""
    percent = [one_line(scalar.tag) for scalar in plan.scalars if scalar.meaning.percent]
    notes = [f"  in percent, divided by 100: {', '.join(percent)}"] if percent else []
    whys = (f"{one.tag}: {one.meaning.note}" for one in plan.scalars if one.meaning.note)
    return notes + [f"  {one_line(note)}" for note in (*plan.notes, *whys)]


def _row(scalar: Scalar) -> list[str]:
    meaning = scalar.meaning
    share = "percent" if meaning.percent else NONE
    name = _public(meaning.series)
    return [one_line(scalar.tag), f"{scalar.points.seen:,}", name, share, meaning.split or NONE]


def _public(series: str) -> str:
    """The name of a series as `--map` takes it."""
    from engine.exchange.imports.series import NAMES

    return next((name for name, own in NAMES.items() if own == series), series)


def _as_json(plan: ImportPlan, run: str, done: str) -> dict[str, Any]:
    return {
        "id": run or None,
        "status": done,
        "name": plan.found.name,
        "folder": str(plan.found.folder),
        "layout": plan.found.layout,
        "epochs": len(plan.course.epochs),
        "axis": plan.axis.words,
        "series": {
            scalar.tag: {
                "series": _public(scalar.meaning.series),
                "split": scalar.meaning.split or None,
                "percent": scalar.meaning.percent,
                "points": scalar.points.seen,
            }
            for scalar in plan.scalars
        },
        "notes": list(plan.notes),
    }
