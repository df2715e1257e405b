"""`cifar-tui suites`: published tables, what was reported, and how our runs of their rows compare."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.changes import changes
from presets import loader, references, suites
from presets.references import row_recipe
from presets.suites import Row
from tui.commands.common import Json, RunsDirs, TrustParts, group, listing, print_json, print_table, roots, width
from tui.commands.complete import suite_names

app = group("Published tables as suites: rows that anyone can run, and what their sources report.")

LAUNCHERS: Final = ("local", "slurm")

Name = typer.Argument(..., help="A suite, or the path of a TOML file.", metavar="NAME", autocompletion=suite_names)
Rows = typer.Option("", "--rows", help="Only these rows: a,b.", metavar="ROWS")
Epochs = typer.Option(None, "--epochs", min=1, help="Shrink runs to so many epochs.", metavar="N")
Fraction = typer.Option(1.0, "--fraction", help="Train on this part of each row's images, 0..1.", metavar="F")
Sets = typer.Option([], "--set", help="Change a field of every row: data.normalize=test", metavar="KEY=VALUE")
Format = typer.Option("text", "--format", help="text, markdown, latex, csv or json.", metavar="FORM")


@listing(app)
def list_suites(as_json: bool = Json) -> None:
    """List the suites."""
    rows = [_listed(info) for info in suites.list_suites()]
    if as_json:
        return print_json(rows)
    return print_table(["name", "rows", "title"], [[row["name"], str(row["rows"]), row["title"]] for row in rows],
                       right=["rows"])  # fmt: skip


def _listed(info: loader.PresetInfo) -> dict[str, Any]:
    row: dict[str, Any] = {"name": info.name, "title": info.title, "origin": info.origin, "path": str(info.path)}
    try:
        suite = suites.load(str(info.path))
    except BadInput as error:
        return row | {"rows": 0, "source": "", "title": f"unusable: {error.problems[0]}"}
    return row | {"rows": len(suite.rows), "source": suite.source}


@app.command("show")
def show_suite(name: str = Name, as_json: bool = Json) -> None:
    """Show a suite: its rows, what was reported of each, and what is odd about it."""
    from tui.drawing.suite_table import reported_table
    from tui.drawing.typeset import text

    suite, parts = suites.load(name), catalog()
    if as_json:
        table = suite.model_dump(include={"name", "title", "description", "source"})
        return print_json(table | {"rows": [_row(row, parts) for row in suite.rows]})
    return typer.echo(text(reported_table(suite, [_said(row, parts) for row in suite.rows]), width()), nl=False)


def _row(row: Row, parts: Catalog) -> dict[str, Any]:
    from tui.drawing.suite_figures import reported_data

    return {
        "id": row.id,
        "title": row.title,
        "recipe": row.recipe,
        "changes": _said(row, parts),
        "reported": reported_data(row),
        "source": row.source,
        "note": row.note,
    }


def _said(row: Row, parts: Catalog) -> str:
    """How a row differs from its preset, in words."""
    return changes(references.recipe_of(row.recipe, parts), row_recipe(row, parts), parts)


@app.command("run")
def run_suite(
    name: str = Name,
    rows: str = Rows,
    epochs: int | None = Epochs,
    fraction: float = Fraction,
    seeds: str = typer.Option("0", "--seeds", help="5 (seeds 0 to 4), 0-4 or 0,3,7.", metavar="N"),
    sets: list[str] = Sets,
    device: str = typer.Option("", help="auto, cpu, cuda, cuda:1 or mps.", metavar="D"),
    threads: int | None = typer.Option(None, help="CPU threads; 0 takes all cores.", metavar="N"),
    wait_free: float | None = typer.Option(None, help="Queue until the GPU has so much free memory.", metavar="GB"),
    data_dir: str = typer.Option("", help="Folder with the data set.", metavar="DIR"),
    runs_dir: list[str] | None = RunsDirs,
    tags: list[str] = typer.Option([], "--tag", help="A word to find the runs by.", metavar="T"),
    keep: str = typer.Option("", help="Checkpoints to keep: all, resumable, weights or none.", metavar="K"),
    launcher: str = typer.Option("local", help="Where to run: local."),
    trust_parts: bool = TrustParts,
    retry: bool = typer.Option(False, "--retry", help="Resume failed runs as well."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what would run and start nothing."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = Json,
) -> None:
    """Queue the rows of a suite, and nothing twice: given again it goes on where it stopped."""
    from tui.commands.batch import Order, carry
    from tui.plans.draft import from_flags
    from tui.plans.suite import Departure, cells, resets
    from tui.plans.words import shared

    if launcher != "local":
        hint = nearest(launcher, LAUNCHERS)
        raise BadInput(
            "--launcher slurm: this version runs suites on this machine only"
            if launcher == "slurm"
            else f"--launcher {launcher!r}: not a launcher{hint}"
        )
    suite, parts = suites.load(name), catalog()
    departure = Departure(epochs or 0, fraction, tuple(sets))
    placed = {"device": device, "threads": threads, "wait_free": wait_free, "data_dir": data_dir, "tags": tags,
              "keep": keep}  # fmt: skip
    only = ["--rows", rows] if rows else []
    again = shlex.join(["cifar-tui", "suites", "report", name, *only, *departure.flags()])
    picked = suite.pick(rows)
    order = Order(
        title=f"suite {suite.name}",
        label="row",
        cells=cells(suite, picked, departure, parts, placed),
        seeds=from_flags({"seeds": seeds}).seeds(),
        roots=roots(runs_dir),
        parts=parts,
        facts={"suite": suite.name, "departure": departure.table()},
        departure=str(departure),
        placed=placed,
        notes=lambda: shared(resets(suite, picked, departure, parts)),
        retry=retry,
        trust=trust_parts,
        after=f"`{again}` shows how they compare",
    )
    return carry(order, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command("report")
def report(
    name: str = Name,
    rows: str = Rows,
    epochs: int | None = Epochs,
    fraction: float = Fraction,
    sets: list[str] = Sets,
    form: str = Format,
    out: Path | None = typer.Option(None, "--out", help="A file; stdout without it.", metavar="FILE"),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Reported against measured: the finished runs of each row's recipe, however they were started.

    With --epochs, --fraction and --set it looks at runs that were made with the same flags.
    """
    from tui.commands.suites_report import write
    from tui.plans.suite import Departure

    suite, departure = suites.load(name), Departure(epochs or 0, fraction, tuple(sets))
    write(suite, suite.pick(rows), departure, roots(runs_dir), "json" if as_json else form, out, width())
