"""The labels of runs: `cifar-tui runs tag`, `note`, `pin`, `exclude` and `include`."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from engine.contract.errors import BadInput
from tui.commands.common import Json, Ref, Refs, RunsDirs, print_json
from tui.commands.runs_control import own_runs


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    for command in (tag, note, pin, exclude, include):
        app.command(command.__name__)(command)


def tag(
    run: str = Ref,
    tags: list[str] = typer.Argument(
        ..., help="Tags to add; after --, a tag with a leading - is removed.", metavar="TAG..."
    ),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Add tags to a run, or remove them.

    `runs tag RUN paper` adds a tag, `runs tag RUN -- -paper` removes it.
    """
    (folder,) = own_runs([run], runs_dir)
    for word in tags:
        if word.startswith("-"):
            folder.add_label(untag=word[1:])
        else:
            folder.add_label(tag=word)
    found = list(folder.labels().tags)
    if as_json:
        return print_json({"id": folder.id, "tags": found})
    return typer.echo(f"{folder.id} tags: {' '.join(found) or '-'}")


def note(
    run: str = Ref,
    text: str = typer.Argument(..., help="Text of the note.", metavar="TEXT"),
    remove: bool = typer.Option(False, "--remove", help="Remove the note with this text."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Add a note to a run, or remove one."""
    (folder,) = own_runs([run], runs_dir)
    if not remove:
        folder.add_label(note=text)
    elif text in folder.labels().notes:
        folder.add_label(unnote=text)
    else:
        raise BadInput(f"run {folder.id} has no note {text!r}")
    if as_json:
        return print_json({"id": folder.id, "notes": list(folder.labels().notes)})
    return typer.echo(f"{folder.id} {'note removed' if remove else 'note added'}")


def pin(
    refs: list[str] = Refs,
    remove: bool = typer.Option(False, "--remove", help="Let the runs go back to their place."),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Keep runs at the top of Results."""
    folders = own_runs(refs, runs_dir)
    for folder in folders:
        folder.add_label(pinned=not remove)
    if as_json:
        return print_json([{"id": folder.id, "pinned": not remove} for folder in folders])
    for folder in folders:
        typer.echo(f"{folder.id} {'unpinned' if remove else 'pinned'}")
    return None


def exclude(
    refs: list[str] = Refs,
    why: str = typer.Option(..., "--why", help="Why the runs do not count, in a few words.", metavar="TEXT"),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Leave runs out of means, verdicts and grids.

    The runs stay, and every place that leaves one out says so with the reason. A grid or suite that is queued again
    starts them anew. `runs include RUN` makes a run count again.
    """
    from engine.contract.run.labels import check_reason

    _set_excluded(refs, check_reason(why), as_json, runs_dir)


def include(refs: list[str] = Refs, as_json: bool = Json, runs_dir: list[str] | None = RunsDirs) -> None:
    """Make runs count again that `runs exclude` has left out."""
    _set_excluded(refs, "", as_json, runs_dir)


def _set_excluded(refs: Sequence[str], reason: str, as_json: bool, runs_dir: list[str] | None) -> None:
    folders = own_runs(refs, runs_dir)
    for folder in folders:
        folder.add_label(excluded=reason)
    if as_json:
        return print_json([{"id": folder.id, "excluded": reason or None} for folder in folders])
    for folder in folders:
        typer.echo(f"{folder.id} {f'left out: {reason}' if reason else 'counts again'}")
    return None
