"""`cifar-tui data`: download or import data sets, verify them, and show where they are."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from tui.commands.common import Json, group, print_json, print_table, say
from tui.commands.output import rewrite_line

app = group("Data sets: download, import, verify, locate.")
Name = typer.Argument("cifar10", help="cifar10, cifar100, mnist, or fashion_mnist.", metavar="NAME")
Folder = typer.Option("", "--data-dir", help="Folder that contains the data set.", metavar="DIR")


@app.callback(invoke_without_command=True)
def default(ctx: typer.Context, as_json: bool = Json) -> None:
    """Without a subcommand, show where the data sets are."""
    if ctx.invoked_subcommand is None:
        where(data_dir="", as_json=as_json)


def _downloadable(name: str) -> str:
    part = catalog().get("dataset", name)
    if not part.meta.get("downloadable"):
        raise BadInput(f"{part.name} is generated and needs no download")
    return part.name


@app.command("fetch")
def fetch(
    name: str = Name,
    source: Path | None = typer.Option(
        None, "--from", help="Import from this archive, file or folder instead of downloading."
    ),
    data_dir: str = Folder,
    as_json: bool = Json,
) -> None:
    """Download or import a data set.

    An interrupted download is resumed.
    """
    from engine.data.fetch import fetch as download
    from engine.data.imports import import_archive

    found = import_archive(source, data_dir) if source else download(_downloadable(name), data_dir, _progress)
    if as_json:
        return print_json({"name": found.name, "kind": found.kind, "path": str(found.path)})
    if found.missing:  # one of several files was imported
        return typer.echo(f"{found.name}: copied; {found.note}")
    return typer.echo(f"{found.name}: {found.path}")


def _progress(done: int, total: int, what: str) -> None:
    """Progress on one line of a terminal, which is rewritten; nothing if stderr is not a terminal."""
    if sys.stderr.isatty():
        rewrite_line(f"{done / 1e6:7.1f} of {total / 1e6:.1f} MB  {what[:50]}")
        if done >= total:
            say("")


@app.command("verify")
def verify(name: str = Name, data_dir: str = Folder, as_json: bool = Json) -> None:
    """Verify a data set against its checksums."""
    from engine.data.archives import verify as check

    found = check(_downloadable(name), data_dir)
    if as_json:
        return print_json({"name": found.name, "kind": found.kind, "path": str(found.path), "intact": True})
    return typer.echo(f"{found.name}: intact ({found.path})")


@app.command("where")
def where(data_dir: str = Folder, as_json: bool = Json) -> None:
    """Show where each data set is, or where it was searched for."""
    from engine.data.archives import locate

    rows = []
    for part in catalog().parts("dataset"):
        if part.meta.get("downloadable"):
            place = locate(part.name, data_dir)
            path = str(place.path) if not place.missing else ""
            searched = [str(path) for path in place.searched]
            rows.append({"name": part.name, "kind": place.kind, "path": path, "searched": searched, "note": place.note})
        else:
            rows.append({"name": part.name, "kind": "generated", "path": "", "searched": [], "note": ""})
    if as_json:
        return print_json(rows)
    table = [[row["name"], row["kind"], row["path"] or row["note"] or ", ".join(row["searched"])] for row in rows]
    print_table(["data set", "kind", "path"], [[str(cell) for cell in line] for line in table])
    if any(row["kind"] == "missing" for row in rows):
        say("Download a missing data set with `cifar-tui data fetch NAME`.")
    return None
