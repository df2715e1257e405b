"""`cifar-tui runs import`: runs of other programs, from event files or CSV files, as read-only runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput, user_path
from engine.contract.text import one_line
from tui.commands.common import Json, RunsDirs, print_json, print_table, roots
from tui.drawing.format import NONE, counted

if TYPE_CHECKING:
    from engine.exchange.imports.layouts import Found
    from engine.exchange.imports.plan import Options, Plan, Scalar


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
    from engine.exchange.imports.plan import Options, size_of
    from engine.exchange.imports.series import check_map, check_names

    if split not in ("", "val=test"):
        raise BadInput(f"--split {split}: the only choice is val=test")
    options = Options(_given(series), bool(split), _checked_name(recipe_name), partial)
    check_names(options.series)
    found = list({run.folder / run.name: run for folder in folders for run in find_runs(user_path(folder))}.values())
    with _bar(size_of(found)) as progress:
        plans = _plans(found, options, progress)
    check_map(options.series, [scalar.tag for plan in plans for scalar in plan.scalars])
    outcomes = _outcomes(plans, roots(runs_dir)[0], dry_run=dry_run)
    if as_json:
        return print_json([_as_json(plan, run, done) for plan, (run, done) in zip(plans, outcomes, strict=True)])
    for plan, (run, done) in zip(plans, outcomes, strict=True):
        if dry_run:
            _print_plan(plan)
        typer.echo(f"{run or NONE}  {done}  {one_line(plan.found.name)}: {_summary(plan)}")
        if not dry_run:
            _print_notes(plan)
    return None


def _plans(found: Sequence[Found], options: Options, progress: Callable[[int], None]) -> list[Plan]:
    """All runs, read before any of them is written. BadInput with the problems of all of them."""
    from engine.exchange.imports.plan import plan

    plans, problems = list["Plan"](), list[str]()
    for one in found:
        try:
            plans.append(plan(one, options, progress))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    return plans


def _outcomes(plans: Sequence[Plan], root: Path, *, dry_run: bool) -> list[tuple[str, str]]:
    """The run of each plan and what was done: "imported", "already imported", "would be imported"."""
    from engine.exchange.imports.write import existing, write

    outcomes = []
    for plan in plans:
        if known := existing(plan, root):
            outcomes.append((known, "already imported"))
        elif dry_run:
            outcomes.append(("", "would be imported"))
        else:
            outcomes.append((write(plan, root).id, "imported"))
    return outcomes


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


def _summary(plan: Plan) -> str:
    """What the run is, in a few words."""
    ours = len(plan.scalars) - len(plan.others)
    length = counted(len(plan.course.epochs), "epoch") if plan.axis.epochs else counted(len(plan.course.steps), "step")
    return f"{plan.found.layout}, {length}, {ours} series" + (f", {len(plan.others)} other scalars" * bool(plan.others))


def _print_plan(plan: Plan) -> None:
    typer.echo(f"{plan.found.folder} -> {one_line(plan.found.name)} ({plan.found.layout})")
    for file in plan.files:
        typer.echo(f"  {one_line(file.file)}")
    typer.echo(f"  {plan.axis.words}")
    print_table(["tag", "points", "series", "unit", "split"], [_row(scalar) for scalar in plan.scalars])
    _print_notes(plan)


def _print_notes(plan: Plan) -> None:
    percent = [one_line(scalar.tag) for scalar in plan.scalars if scalar.meaning.percent]
    if percent:
        typer.echo(f"  in percent, divided by 100: {', '.join(percent)}")
    for note in (*plan.notes, *(f"{one.tag}: {one.meaning.note}" for one in plan.scalars if one.meaning.note)):
        typer.echo(f"  {one_line(note)}")


def _row(scalar: Scalar) -> list[str]:
    meaning = scalar.meaning
    share = "percent" if meaning.percent else NONE
    name = _public(meaning.series)
    return [one_line(scalar.tag), f"{scalar.points.seen:,}", name, share, meaning.split or NONE]


def _public(series: str) -> str:
    """The name of a series as `--map` takes it."""
    from engine.exchange.imports.series import NAMES

    return next((name for name, own in NAMES.items() if own == series), series)


def _as_json(plan: Plan, run: str, done: str) -> dict[str, Any]:
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
