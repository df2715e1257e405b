"""`cifar-tui runs`: the commands for disk space, and the one that brings a deleted run back: rm, restore, prune."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from engine.contract.errors import BadInput
from tui.commands.common import Json, Refs, RunsDirs, Yes, print_json, roots, say
from tui.drawing.format import counted, file_size

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.prune import Keep
    from engine.contract.run.summary import Summary


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    for name, command in (("rm", remove_runs), ("restore", restore_runs), ("prune", prune)):
        app.command(name)(command)


def remove_runs(
    refs: list[str] = Refs,
    purge: bool = typer.Option(False, "--purge", help="For good, which frees the space at once; also from the trash."),
    force: bool = typer.Option(False, "--force", help="Also teachers of runs that have not finished."),
    yes: bool = Yes,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Move runs into the trash, from which `runs restore` brings them back.

    `runs prune --trash` empties the trash; until then the runs in it take as much space as before.
    """
    from engine.contract.run import trash
    from engine.contract.run.index import Index
    from engine.contract.run.teacher import needed

    places = roots(runs_dir)
    folders = [_meant(places, ref, purge) for ref in dict.fromkeys(refs)]
    students = {} if force else needed({folder.id for folder in folders}, Index().rows(places))
    if students:
        raise BadInput([f"{_still_teaches(*one)}; --force deletes it all the same" for one in students.items()])
    runs = counted(len(folders), "run")
    _ask(f"delete {runs} for good?" if purge else f"move {runs} into the trash?", yes)
    act, status, said = (
        (trash.purge, "removed", "removed for good")
        if purge
        else (trash.remove, "trashed", "is in the trash; cifar-tui runs restore brings it back")
    )
    done, problems = _each(folders, lambda folder: act(folder, places))
    if as_json:
        print_json([{"id": folder.id, "status": status} for folder in done])
    else:
        for folder in done:
            typer.echo(f"{folder.id} {said}")
    if problems:
        raise BadInput(problems)


def _each(
    folders: Sequence[RunFolder], act: Callable[[RunFolder], RunFolder | None]
) -> tuple[list[RunFolder], list[str]]:
    """Do something to each run: those for which it worked, as they are then, and why it did not for the others."""
    done, problems = list["RunFolder"](), list[str]()
    for folder in folders:
        try:
            done.append(act(folder) or folder)
        except BadInput as error:
            problems += error.problems
    return done, problems


def _meant(places: Sequence[Path], ref: str, purge: bool) -> RunFolder:
    """The run that may be removed; with `purge` it may lie in the trash as well."""
    from engine.contract.run.roots import check_writable
    from engine.contract.run.store import find, trash_of

    try:
        folder = find(places, ref)
    except BadInput:
        if not purge:
            raise
        try:
            return find([trash_of(places[0])], ref)
        except BadInput:  # the error about the runs says more
            pass
        raise
    check_writable(folder.path, places)
    return folder


def restore_runs(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Bring deleted runs back from the trash; `runs list --trash` shows what lies there."""
    from engine.contract.run.store import find, restore, trash_of

    places = roots(runs_dir)
    folders = [find([trash_of(places[0])], ref) for ref in dict.fromkeys(refs)]
    back, problems = _each(folders, lambda folder: restore(folder, places))
    if as_json:
        print_json([{"id": folder.id, "status": folder.status().state} for folder in back])
    else:
        for folder in back:
            typer.echo(f"{folder.id} restored")
    if problems:
        raise BadInput(problems)


def _still_teaches(teacher: str, students: Sequence[str]) -> str:
    have = "has" if len(students) == 1 else "have"
    return f"run {teacher} teaches {', '.join(students)}, which {have} not finished"


def prune(
    keep: str = typer.Option("weights", help="What stays of finished runs: weights (final and best) or none."),
    trash: bool = typer.Option(False, "--trash", help="Empty the trash instead: the runs in it are gone for good."),
    force: bool = typer.Option(False, "--force", help="Also the weights that runs which have not finished learn from."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    yes: bool = Yes,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Free disk space: drop the optimizer state and the older checkpoints of finished runs.

    Their final and best weights stay, unless `--keep none` is given. `--trash` empties the trash.
    """
    from engine.contract.run.index import Index
    from engine.contract.run.prune import KEEP
    from engine.contract.run.teacher import needed

    places = roots(runs_dir)
    if trash:
        return _empty_trash(places[0], dry_run, yes, as_json)
    if keep not in KEEP:
        raise BadInput(f"--keep: got {keep!r}, needs {' or '.join(KEEP)}")
    rows = Index().rows(places)
    ours = [row for row in rows if row.status == "finished" and Path(row.folder).parent == places[0]]
    students = needed({row.id for row in ours}, rows) if keep == "none" and not force else {}
    for teacher in students.items():
        say(f"{_still_teaches(*teacher)}; its weights stay (--force: they go too)")
    return _prune(ours, keep, students, dry_run, yes, as_json)


def _prune(
    rows: Sequence[Summary], keep: str, taught: Mapping[str, Sequence[str]], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Look what every run can do without, ask, and remove it. A run that cannot be pruned keeps no other back."""
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.prune import prune as prune_run
    from engine.contract.run.prune import spare

    freed: dict[str, int] = {}
    doomed: list[tuple[RunFolder, Keep]] = []
    problems: list[str] = []
    for row in rows:
        run, what = RunFolder(Path(row.folder)), _keep(keep, row.id in taught)
        try:
            found = spare(run, what)
        except BadInput as error:
            problems += error.problems
            continue
        if found:
            doomed.append((run, what))
            freed[run.id] = found.bytes
    finished = counted(len(doomed), "finished run")
    if doomed and not dry_run:
        _ask(f"free {file_size(sum(freed.values()))} of {finished}?", yes)
        for run, what in doomed:
            try:
                freed[run.id] = prune_run(run, what)
            except BadInput as error:
                problems += error.problems
                del freed[run.id]
    _report(freed, dry_run, as_json, problems)


def _keep(keep: str, teaches: bool) -> Keep:
    return "none" if keep == "none" and not teaches else "weights"


def _empty_trash(root: Path, dry_run: bool, yes: bool, as_json: bool) -> None:
    from engine.contract.run.store import empty, in_trash, trash_bytes

    ids, size = [run.id for run in in_trash(root)], trash_bytes(root)
    if not dry_run and (ids or size):
        _ask(f"delete {counted(len(ids), 'run')} in the trash for good, which frees {file_size(size)}?", yes)
        ids, size = empty(root)
    if as_json:
        return print_json({"bytes": size, "runs": ids, "dry_run": dry_run})
    would = "would free" if dry_run else "freed"
    return typer.echo(f"{would} {file_size(size)} of {counted(len(ids), 'run')} in the trash")


def _report(freed: Mapping[str, int], dry_run: bool, as_json: bool, problems: Sequence[str]) -> None:
    """What was freed; then, with exit code 2, which runs could not be pruned."""
    total = sum(freed.values())
    if as_json:
        print_json({"bytes": total, "runs": list(freed), "dry_run": dry_run})
    else:
        would = "would free" if dry_run else "freed"
        typer.echo(f"{would} {file_size(total)} in {counted(len(freed), 'run')}")
    if problems:
        raise BadInput(problems)


def _ask(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question, err=True):
        raise SystemExit(1)
