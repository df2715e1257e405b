"""`cifar-tui presets`: list the recipes to start from, show them resolved, and save new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from engine.contract.recipe.catalog import catalog
from presets.overview import overview
from tui.commands import complete
from tui.commands.common import Json, group, listing, print_json, width
from tui.drawing.format import mean_over_runs, percent

if TYPE_CHECKING:
    from presets.suite_uses import Use

WITH_EPOCHS: Final = 100
WITH_MODEL: Final = 140
"""Terminal widths from which a listing of presets has these columns too."""
MEANING: Final = (
    "reported: by the source; n: measured by this project in n runs; target: not measured yet; "
    "*: best epoch, selected on the test set"
)

presets = group("Presets: complete recipes to start from: list, show, save.")


@listing(presets)
def list_presets(as_json: bool = Json) -> None:
    """List the presets."""
    rows = [_preset_row(row) for row in overview()]
    if as_json:
        return print_json(rows)
    return typer.echo(_listing(rows, width()), nl=False)


def _listing(rows: Sequence[Mapping[str, Any]], cells: int) -> str:
    """The presets as a table. Facts that most titles mention get columns of their own only in a wide terminal."""
    from tui.drawing.typeset import Column, Table, text

    name, model, epochs = Column("name"), Column("model"), Column("epochs", right=True)
    roomy = (name, model, epochs) if cells >= WITH_MODEL else (name, epochs) if cells >= WITH_EPOCHS else (name,)
    columns = (*roomy, Column("test accuracy %"), Column("title", wraps=True))
    keys = [{"test accuracy %": "expect"}.get(column.head, column.head) for column in columns]
    shown = [row if cells >= WITH_EPOCHS else {**row, "expect": row["expect"].partition(", TTA")[0]} for row in rows]
    cells_of = tuple(tuple(str(row[key]) for key in keys) for row in shown)
    return text(Table("", columns, cells_of, legend=(MEANING,)), cells)


def _preset_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the overview as it is printed."""
    shown = {key: value for key, value in row.items() if key != "problem"} | {"expect": expect(row["promise"])}
    return shown | ({"title": f"unusable: {row['problem']}"} if row["problem"] else {})


def expect(promise: Mapping[str, Any] | None) -> str:
    """The promised test accuracy in percent: `96.26 reported`, `88.40 ±0.11 (n=3)`, `96.5 target`; "-" without one.

    An accuracy with test-time augmentation follows it: `93.10 ±0.12 (n=3), TTA 94.02`.
    """
    if promise is None:
        return "-"
    views = f", TTA {percent(promise['tta_accuracy'])}" if promise["tta_accuracy"] else ""
    return _plain_figure(promise) + views


def _plain_figure(promise: Mapping[str, Any]) -> str:
    """The accuracy without test-time augmentation."""
    if promise["runs"] == 0:
        return f"{percent(promise['accuracy'], 1)} target"
    best = "*" if promise["selection"] == "best_on_test" else ""
    if promise["source"] == "measured":
        return f"{mean_over_runs(promise['accuracy'], promise['spread'], promise['runs'], best)} (n={promise['runs']})"
    return f"{percent(promise['accuracy'])}{best} reported"


@presets.command("show")
def show_preset(
    name: str = typer.Argument(
        ..., help="A preset, a TOML file, or suite:NAME/ROW.", autocompletion=complete.preset_names
    ),
    as_json: bool = Json,
) -> None:
    """Print a preset as a complete recipe in TOML.

    Every default is filled in.
    """
    from presets.references import recipe_of
    from presets.suite_uses import uses_of_preset

    recipe = recipe_of(name, catalog())
    uses = suite_rows(uses_of_preset(name))
    if as_json:
        return print_json({"name": name, "recipe_id": recipe.recipe_id, "recipe": recipe.to_table(), "suites": uses})
    for use in uses:  # as comments, so that the output is still a valid preset
        typer.echo(f"# row {use['row']} of suite {use['suite']}, reported {use['reported']} %")
    return typer.echo(recipe.to_toml(), nl=False)


def suite_rows(uses: Sequence[Use]) -> list[dict[str, Any]]:
    """Rows of published tables for a listing; `reported` is in percent, marked by how its epoch was selected."""
    from tui.drawing.suite_figures import reported_accuracy, reported_data

    return [
        {
            "suite": use.suite,
            "row": use.row.id,
            "reported": reported_accuracy(use.row),
            "source": use.row.source,
            "figures": reported_data(use.row),
        }
        for use in uses
    ]


@presets.command("save")
def save_preset(
    name: str = typer.Argument(..., help="Name of the new preset: lower-case letters, digits and _."),
    source: str = typer.Option(
        ..., "--from", help="A preset, a TOML file, suite:NAME/ROW, or run:RUN.", autocompletion=complete.preset_names
    ),
    replace: bool = typer.Option(False, "--replace", help="Overwrite an existing preset of that name."),
    as_json: bool = Json,
) -> None:
    """Save a recipe as a preset of your own."""
    from presets.references import recipe_to_save
    from presets.saving import save

    path = save(name, recipe_to_save(source), replace=replace)
    if as_json:
        return print_json({"name": name, "path": str(path)})
    return typer.echo(f"saved {path}")
