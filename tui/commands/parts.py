"""`presets`, `augmentations`, `schedules`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from engine.contract.catalog import Catalog, Part, catalog
from engine.contract.errors import BadInput, nearest
from engine.contract.params import Param
from engine.contract.recipe import COMMON, Recipe
from presets import loader
from presets.suite_uses import Use, uses_of_preset
from tui.commands import complete
from tui.commands.common import Json, group, print_json, print_pairs, print_table, print_text, width
from tui.format import mean_over_runs, percent

WITH_EPOCHS: Final = 100
WITH_MODEL: Final = 140
"""Cells from which a listing of presets has these columns as well."""
MEANING: Final = (
    "reported: by its source; n: measured here, in so many runs; target: aimed at, not measured yet; "
    "* best epoch, picked on the test set"
)

presets = group("Recipes: a model, an augmentation and a schedule with all numbers filled in.")
augmentations = group("Named augmentations, and the ops that they are made of.")
schedules = group("Named learning-rate schedules.")


def _default(app: typer.Typer, lister: Any) -> None:
    """Without a word the noun lists."""

    @app.callback(invoke_without_command=True)
    def default(ctx: typer.Context, as_json: bool = Json) -> None:
        if ctx.invoked_subcommand is None:
            lister(as_json)


@presets.command("list")
def list_presets(as_json: bool = Json) -> None:
    """List the presets."""
    parts = catalog()
    rows = [_preset_row(info, parts) for info in loader.list_presets()]
    if as_json:
        return print_json(rows)
    return typer.echo(_listing(rows, width()), nl=False)


def _listing(rows: Sequence[Mapping[str, Any]], cells: int) -> str:
    """The presets as a table; what their titles mostly say as well has columns of its own only where there is room."""
    from tui.typeset import Column, Sheet, text

    name, model, epochs = Column("name"), Column("model"), Column("epochs", right=True)
    roomy = (name, model, epochs) if cells >= WITH_MODEL else (name, epochs) if cells >= WITH_EPOCHS else (name,)
    columns = (*roomy, Column("test accuracy %"), Column("title", wraps=True))
    keys = [{"test accuracy %": "expect"}.get(column.head, column.head) for column in columns]
    cells_of = tuple(tuple(str(row[key]) for key in keys) for row in rows)
    return text(Sheet("", columns, cells_of, legend=(MEANING,)), cells)


def _preset_row(info: loader.PresetInfo, parts: Catalog) -> dict[str, Any]:
    row: dict[str, Any] = {"name": info.name, "title": info.title, "origin": info.origin, "path": str(info.path)}
    try:
        recipe = loader.resolve(str(info.path), parts)
    except BadInput as error:
        return row | {
            "model": "-",
            "epochs": 0,
            "data": "-",
            "promise": None,
            "expect": "-",
            "title": f"unusable: {error}",
        }
    promise = recipe.promise.model_dump() if recipe.promise else None
    return row | {
        "model": recipe.model.name,
        "epochs": recipe.epochs,
        "data": recipe.data.name,
        "promise": promise,
        "expect": expect(recipe),
    }


def expect(recipe: Recipe) -> str:
    """The promise in words: `96.26 reported`, `88.40 ±0.11 (n=3)`, `96.5 target`."""
    promise = recipe.promise
    if promise is None:
        return "-"
    if promise.runs == 0:
        return f"{percent(promise.accuracy, 1)} target"
    best = "*" if promise.selection == "best_on_test" else ""
    if promise.source == "measured":
        return f"{mean_over_runs(promise.accuracy, promise.spread, promise.runs, best)} (n={promise.runs})"
    return f"{percent(promise.accuracy)}{best} reported"


@presets.command("show")
def show_preset(
    name: str = typer.Argument(
        ..., help="A preset, a TOML file or suite:NAME/ROW.", autocompletion=complete.preset_names
    ),
    as_json: bool = Json,
) -> None:
    """Print a preset as it resolves, every default filled in."""
    recipe = loader.resolve(name, catalog())
    uses = suite_rows(uses_of_preset(name))
    if as_json:
        return print_json({"name": name, "recipe_id": recipe.recipe_id, "recipe": recipe.to_table(), "suites": uses})
    for use in uses:  # as comments, so that what is printed stays a preset
        typer.echo(f"# row {use['row']} of suite {use['suite']}, reported {use['reported']} %")
    return typer.echo(recipe.to_toml(), nl=False)


def suite_rows(uses: Sequence[Use]) -> list[dict[str, Any]]:
    """Rows of published tables as a listing shows them: `reported` in percent, marked by its selection."""
    from tui.suite_data import told
    from tui.suite_sheet import reported

    return [
        {
            "suite": use.suite,
            "row": use.row.id,
            "reported": reported(use.row),
            "source": use.row.source,
            "figures": told(use.row),
        }
        for use in uses
    ]


@presets.command("save")
def save_preset(
    name: str = typer.Argument(..., help="Name of the new preset."),
    source: str = typer.Option(
        ..., "--from", help="A preset, a TOML file, suite:NAME/ROW or run:RUN.", autocompletion=complete.preset_names
    ),
    replace: bool = typer.Option(False, "--replace", help="Overwrite a preset of that name."),
    as_json: bool = Json,
) -> None:
    """Save a preset of your own, from another one or from a run."""
    from tui.commands.sources import recipe_to_save

    path = loader.save(name, recipe_to_save(source), replace=replace)
    if as_json:
        return print_json({"name": name, "path": str(path)})
    return typer.echo(f"saved {path}")


@augmentations.command("list")
def list_augmentations(as_json: bool = Json) -> None:
    """List the named augmentations and the ops."""
    named = [
        {"name": info.name, "title": info.title, "origin": info.origin} for info in loader.list_presets("augmentations")
    ]
    ops = [part_row(part) for part in catalog().parts("op")]
    if as_json:
        return print_json({"augmentations": named, "ops": ops})
    print_table(["augmentation", "title"], [[row["name"], row["title"]] for row in named])
    typer.echo()
    return print_table(
        ["op", "options", "title"],
        [[row["name"], option_names(row), row["title"]] for row in ops],
        shrink=["options"],
        drop=["title"],
    )


@augmentations.command("show")
def show_augmentation(name: str = typer.Argument(..., help="An augmentation or an op."), as_json: bool = Json) -> None:
    """Show a named augmentation or an op."""
    _show_part("op", "augmentations", name, as_json)


@augmentations.command("preview")
def preview_augmentation(
    name: str = typer.Argument("", help="A named augmentation, or an op: cutout:length=8"),
    out: Path | None = typer.Option(None, help="Write a PNG instead of drawing in the terminal.", metavar="FILE"),
    images: int = typer.Option(0, min=0, max=64, help="Images, one a row; 0: as many as look well.", metavar="N"),
    draws: int = typer.Option(3, min=1, max=16, help="How often everything is drawn.", metavar="N"),
    seed: int = typer.Option(0, min=0, help="Of the draws, and of which images are shown.", metavar="N"),
    preset: str = typer.Option("", help="Data and, without NAME, augmentation of a preset or run:RUN.", metavar="P"),
    data: str = typer.Option("", help="A data set; shapes needs no download.", metavar="NAME"),
    data_dir: str = typer.Option("", help="Folder with the data set.", metavar="DIR"),
    own_parts: list[str] = typer.Option([], "--parts", help="A Python file with ops of your own.", metavar="FILE"),
    as_json: bool = Json,
) -> None:
    """Show real images before and after, op by op."""
    from tui.commands import augment_preview

    asked = augment_preview.Asked(name, preset, data, data_dir, images, draws, seed, own_parts)
    augment_preview.main(asked, out, as_json=as_json)


@schedules.command("list")
def list_schedules(as_json: bool = Json) -> None:
    """List the named schedules and the curves they are made of."""
    named = [
        {"name": info.name, "title": info.title, "origin": info.origin} for info in loader.list_presets("schedules")
    ]
    curves = [part_row(part) for part in catalog().parts("schedule")]
    if as_json:
        return print_json({"schedules": named, "curves": curves})
    print_table(["schedule", "title"], [[row["name"], row["title"]] for row in named])
    typer.echo()
    common = {param.name for param in COMMON["schedule"]}
    table = [[row["name"], option_names(row, common), row["title"]] for row in curves]
    print_table(["curve", "options", "title"], table, shrink=["options"], drop=["title"])
    return print_text(f"\nEvery schedule also takes {', '.join(param.name for param in COMMON['schedule'])}.")


@schedules.command("show")
def show_schedule(
    name: str = typer.Argument(..., help="A named schedule or a curve."),
    epochs: int = typer.Option(200, help="Epochs of the training.", metavar="N"),
    lr: float = typer.Option(0.1, help="Learning rate at the peak.", metavar="X"),
    sets: list[str] = typer.Option([], "--set", help="Change an option: warmup=5 or final=0.1", metavar="KEY=VALUE"),
    as_json: bool = Json,
) -> None:
    """Draw a schedule over a whole training, with its options."""
    from tui.commands import schedule_show

    schedule_show.main(name, epochs, lr, sets, as_json=as_json)


def part_row(part: Part) -> dict[str, Any]:
    """A part as JSON shows it: name, title, summary and options."""
    options = [_param_row(param) for param in part.params + COMMON.get(part.kind, ())]
    return {"name": part.name, "title": part.title, "summary": part.summary, "options": options}


def _param_row(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "type": param.type,
        "default": param.default,
        "range": param.range,
        "unit": param.unit,
        "help": param.help,
    }


def option_names(row: dict[str, Any], without: Collection[str] = ()) -> str:
    """The names of a part's options, in a row."""
    return " ".join(option["name"] for option in row["options"] if option["name"] not in without) or "-"


def _show_part(kind: str, field: loader.Kind, name: str, as_json: bool) -> None:
    presets_there = {info.name: info for info in loader.list_presets(field)}
    parts = catalog()
    known = [*presets_there, *parts.names(kind)]
    if name in presets_there:
        table = loader.read_table(presets_there[name].path)
        if as_json:
            return print_json({"name": name, **table})
        return typer.echo(Path(presets_there[name].path).read_text(encoding="utf-8"), nl=False)
    try:
        part = parts.get(kind, name)
    except BadInput:
        raise BadInput(f"unknown {loader.SINGULAR[field]} {name!r}{nearest(name, known)}") from None
    return print_part(part, as_json)


def print_part(part: Part, as_json: bool) -> None:
    """A part with its documentation and every option."""
    row = part_row(part) | {"doc": part.doc}
    if as_json:
        return print_json(row)
    typer.echo(f"{part.name}: {part.title}")
    about = part.doc.partition("\n\nArgs:")[0]  # what follows is for callers
    typer.echo(f"\n{about}\n" if about else "")
    return print_options(row["options"])


def print_options(options: Sequence[Mapping[str, Any]]) -> None:
    """Options as JSON has them, each with its default, what it means and what it takes."""
    print_pairs(
        [
            (f"{option['name']} = {value_text(option['default'])}", meaning(option["help"], option["range"]))
            for option in options
        ]
    )


def meaning(help_text: str, range_text: str) -> str:
    """What an option is for and what it takes."""
    return f"{help_text} ({range_text})" if range_text else help_text


def value_text(value: Any) -> str:
    """A default as a preset would say it; text stays bare unless it is empty."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value) or '""'


for _app, _lister in (
    (presets, list_presets),
    (augmentations, list_augmentations),
    (schedules, list_schedules),
):
    _default(_app, _lister)
