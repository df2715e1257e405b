"""`cifar-tui runs rm`, `restore` and `prune`: delete runs, bring them back, and free disk space."""

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
    """Register the commands of this module."""
    for name, command in (("rm", remove_runs), ("restore", restore_runs), ("prune", prune)):
        app.command(name)(command)


def remove_runs(
    refs: list[str] = Refs,
    purge: bool = typer.Option(
        False, "--purge", help="Delete for good, which frees the space at once. Works on runs in the trash, too."
    ),
    force: bool = typer.Option(False, "--force", help="Delete even runs that are the teacher of an unfinished run."),
    yes: bool = Yes,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Move runs to the trash.

    `runs restore` brings them back. Runs in the trash take as much disk space as before, until `runs prune --trash`
    empties it.
    """
    from engine.contract.run import trash
    from engine.contract.run.index import Index
    from engine.contract.run.teacher import students_of

    places = roots(runs_dir)
    folders = [_meant(places, ref, purge) for ref in dict.fromkeys(refs)]
    students = {} if force else students_of({folder.id for folder in folders}, Index().rows(places))
    if students:
        raise BadInput([f"{_still_teaches(*one)}; use --force to delete it anyway" for one in students.items()])
    runs = counted(len(folders), "run")
    _ask(f"delete {runs} for good?" if purge else f"move {runs} to the trash?", yes)
    action, status, done_text = (
        (trash.purge, "removed", "deleted for good")
        if purge
        else (trash.remove, "trashed", "moved to the trash; cifar-tui runs restore brings it back")
    )
    done, problems = _each(folders, lambda folder: action(folder, places))
    if as_json:
        print_json([{"id": folder.id, "status": status} for folder in done])
    else:
        for folder in done:
            typer.echo(f"{folder.id} {done_text}")
    if problems:
        raise BadInput(problems)


def _each(
    folders: Sequence[RunFolder], action: Callable[[RunFolder], RunFolder | None]
) -> tuple[list[RunFolder], list[str]]:
    """Apply `action` to each run. Returns the runs for which it worked, as they are now, and the others' problems."""
    done, problems = list["RunFolder"](), list[str]()
    for folder in folders:
        try:
            done.append(action(folder) or folder)
        except BadInput as error:
            problems += error.problems
    return done, problems


def _meant(places: Sequence[Path], ref: str, purge: bool) -> RunFolder:
    """The run that `ref` names, which must be writable; with `purge`, a run in the trash counts as well."""
    from engine.contract.run.roots import check_writable
    from engine.contract.run.store import find, trash_of

    try:
        folder = find(places, ref)
    except BadInput:
        if not purge:
            raise
        try:
            return find([trash_of(places[0])], ref)
        except BadInput:  # the error about the runs folder is more helpful
            pass
        raise
    check_writable(folder.path, places)
    return folder


def restore_runs(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Restore deleted runs from the trash.

    `runs list --trash` shows what is in it.
    """
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
    return f"run {teacher} is the teacher of {', '.join(students)}, which {have} not finished"


def prune(
    keep: str = typer.Option("weights", help="What to keep of finished runs: weights (final and best) or none."),
    trash: bool = typer.Option(False, "--trash", help="Empty the trash instead, deleting the runs in it for good."),
    force: bool = typer.Option(
        False, "--force", help="Delete even the weights of runs that are the teacher of an unfinished run."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what would be freed, without deleting anything."),
    yes: bool = Yes,
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Free disk space taken by finished runs.

    Deletes their optimizer state and older checkpoints, and keeps the final and best weights unless `--keep none` is
    given. `--trash` empties the trash instead.
    """
    from engine.contract.run.index import Index
    from engine.contract.run.prune import KEEP
    from engine.contract.run.teacher import students_of

    places = roots(runs_dir)
    if trash:
        return _empty_trash(places[0], dry_run, yes, as_json)
    if keep not in KEEP:
        raise BadInput(f"--keep: got {keep!r}, needs {' or '.join(KEEP)}")
    rows = Index().rows(places)
    ours = [row for row in rows if row.status == "finished" and Path(row.folder).parent == places[0]]
    students = students_of({row.id for row in ours}, rows) if keep == "none" and not force else {}
    for teacher in students.items():
        say(f"{_still_teaches(*teacher)}; its weights are kept (use --force to delete them)")
    return _prune(ours, keep, students, dry_run, yes, as_json)


def _prune(
    rows: Sequence[Summary], keep: str, taught: Mapping[str, Sequence[str]], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Ask, then delete what each run can do without. A run that cannot be pruned does not stop the others."""
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.prune import prunable
    from engine.contract.run.prune import prune as prune_run

    freed: dict[str, int] = {}
    to_prune: list[tuple[RunFolder, Keep]] = []
    problems: list[str] = []
    for row in rows:
        run, what = RunFolder(Path(row.folder)), _keep(keep, row.id in taught)
        try:
            found = prunable(run, what)
        except BadInput as error:
            problems += error.problems
            continue
        if found:
            to_prune.append((run, what))
            freed[run.id] = found.bytes
    finished = counted(len(to_prune), "finished run")
    if to_prune and not dry_run:
        _ask(f"free {file_size(sum(freed.values()))} by pruning {finished}?", yes)
        for run, what in to_prune:
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
        _ask(f"delete {counted(len(ids), 'run')} in the trash for good and free {file_size(size)}?", yes)
        ids, size = empty(root)
    if as_json:
        return print_json({"bytes": size, "runs": ids, "dry_run": dry_run})
    would = "would free" if dry_run else "freed"
    return typer.echo(f"{would} {file_size(size)} of {counted(len(ids), 'run')} in the trash")


def _report(freed: Mapping[str, int], dry_run: bool, as_json: bool, problems: Sequence[str]) -> None:
    """Print what was freed; then raise BadInput (exit code 2) with the runs that could not be pruned."""
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
