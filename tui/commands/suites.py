"""`cifar-tui suites`: published tables of results, and how runs of their rows here compare."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.changes import changes
from presets import loader, references, suites
from presets.references import row_recipe
from presets.suites import Row
from tui.commands.common import (
    DryRun,
    Json,
    Retry,
    RunsDirs,
    TrustParts,
    Yes,
    group,
    listing,
    print_json,
    print_table,
    roots,
    width,
)
from tui.commands.complete import suite_names
from tui.commands.options import with_flags
from tui.plans.flags import SUITE

app = group("Published result tables: list, show, run, report.")

Name = typer.Argument(..., help="Suite name or TOML file.", metavar="NAME", autocompletion=suite_names)
Rows = typer.Option("", "--rows", help="Use only these rows, for example a,b.", metavar="ROWS")
Epochs = typer.Option(None, "--epochs", min=1, help="Shorten runs to this many epochs.", metavar="N")
Fraction = typer.Option(1.0, "--fraction", help="Fraction of each row's training images to use, 0..1.", metavar="F")
Sets = typer.Option(
    [], "--set", help="Set a field in every row, for example data.normalize=test. Repeatable.", metavar="KEY=VALUE"
)
Format = typer.Option("text", "--format", help="Output format: text, markdown, latex, csv, or json.", metavar="FORM")


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
    """Show the rows of a suite.

    For each row: what was reported, and what is unusual about it.
    """
    from tui.drawing.suite_table import reported_table
    from tui.drawing.typeset import text

    suite, parts = suites.load(name), catalog()
    if as_json:
        table = suite.model_dump(include={"name", "title", "description", "source"})
        return print_json(table | {"rows": [_row(row, parts) for row in suite.rows]})
    return typer.echo(text(reported_table(suite, [_changes_of(row, parts) for row in suite.rows]), width()), nl=False)


def _row(row: Row, parts: Catalog) -> dict[str, Any]:
    from tui.drawing.suite_figures import reported_data

    return {
        "id": row.id,
        "title": row.title,
        "recipe": row.recipe,
        "changes": _changes_of(row, parts),
        "reported": reported_data(row),
        "source": row.source,
        "note": row.note,
    }


def _changes_of(row: Row, parts: Catalog) -> str:
    """How a row differs from its preset, as text."""
    return changes(references.recipe_of(row.recipe, parts), row_recipe(row, parts), parts)


@app.command("run")
@with_flags(SUITE)
def run_suite(
    name: str = Name,
    rows: str = Rows,
    epochs: int | None = Epochs,
    fraction: float = Fraction,
    sets: list[str] = Sets,
    *,
    flags: Mapping[str, Any],
    runs_dir: list[str] | None = RunsDirs,
    trust_parts: bool = TrustParts,
    retry: bool = Retry,
    dry_run: bool = DryRun,
    yes: bool = Yes,
    as_json: bool = Json,
) -> None:
    """Queue the rows of a suite.

    Running the same command again continues where it stopped: nothing runs twice.
    """
    from tui.commands.batch import BatchRequest, run_batch
    from tui.plans.draft import from_flags
    from tui.plans.suite import Shrink, items

    suite, parts = suites.load(name), catalog()
    shrink = Shrink(epochs or 0, fraction, tuple(sets))
    only = ["--rows", rows] if rows else []
    request = BatchRequest(
        title=f"suite {suite.name}",
        key="row",
        heading="row",
        items=items(suite, suite.pick(rows), shrink, parts, flags),
        seeds=from_flags(flags).seeds(),
        roots=roots(runs_dir),
        parts=parts,
        facts={"suite": suite.name, "departure": shrink.table()},
        shrink=str(shrink),
        flags=flags,
        retry=retry,
        trust=trust_parts,
        show_command=shlex.join(["cifar-tui", "suites", "report", name, *only, *shrink.flags()]),
    )
    return run_batch(request, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command("report")
def report(
    name: str = Name,
    rows: str = Rows,
    epochs: int | None = Epochs,
    fraction: float = Fraction,
    sets: list[str] = Sets,
    form: str = Format,
    out: Path | None = typer.Option(None, "--out", help="File to write; by default stdout.", metavar="FILE"),
    figure: Path | None = typer.Option(
        None, "--figure", help="Also draw reported against measured into this SVG file.", metavar="FILE"
    ),
    as_json: bool = typer.Option(False, "--json", help="Same as --format json."),
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Compare reported and measured results.

    Every finished run of a row counts, however it was started. With --epochs, --fraction, and --set, report on runs
    that were made with the same options.
    """
    from tui.commands.suites_report import write
    from tui.plans.suite import Shrink

    suite, shrink = suites.load(name), Shrink(epochs or 0, fraction, tuple(sets))
    form = "json" if as_json else form
    write(suite, suite.pick(rows), shrink, roots(runs_dir), form, out, width(), figure)
