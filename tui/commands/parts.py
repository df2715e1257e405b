"""`cifar-tui augmentations` and `cifar-tui schedules`: the named presets and the parts that they are made of."""

from __future__ import annotations

from pathlib import Path

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from presets import loader
from tui.commands.common import Json, TrustParts, group, listing, print_json, print_table, print_text
from tui.commands.part_text import option_names, part_row, print_part

augmentations = group("Named augmentations and their ops: list, show, preview.")
schedules = group("Named learning-rate schedules and curves: list, show.")


@listing(augmentations)
def list_augmentations(as_json: bool = Json) -> None:
    """List named augmentations and ops."""
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
    """Show a named augmentation as TOML, or an op with its options."""
    _show_part("op", "augmentations", name, as_json)


@augmentations.command("preview")
def preview_augmentation(
    name: str = typer.Argument("", help="A named augmentation, or an op such as cutout:length=8."),
    out: Path | None = typer.Option(None, help="Write a PNG file instead of drawing in the terminal.", metavar="FILE"),
    images: int = typer.Option(
        0, min=0, max=64, help="Number of images, one per row; 0 chooses a suitable number.", metavar="N"
    ),
    draws: int = typer.Option(3, min=1, max=16, help="Random draws of the whole augmentation per image.", metavar="N"),
    seed: int = typer.Option(0, min=0, help="Seed of the draws and of the choice of images.", metavar="N"),
    preset: str = typer.Option(
        "", help="Take the data set and, without NAME, the augmentation from this preset or run:RUN.", metavar="P"
    ),
    data: str = typer.Option("", help="Use this data set; shapes needs no download.", metavar="NAME"),
    data_dir: str = typer.Option("", help="Folder that contains the data set.", metavar="DIR"),
    own_parts: list[str] = typer.Option(
        [], "--parts", help="Python file that defines your own ops; may be given several times.", metavar="FILE"
    ),
    trust_parts: bool = TrustParts,
    as_json: bool = Json,
) -> None:
    """Show images before and after augmentation, op by op."""
    from tui.commands import augment_preview

    options = augment_preview.Options(name, preset, data, data_dir, images, draws, seed, own_parts, trust_parts)
    augment_preview.main(options, out, as_json=as_json)


@listing(schedules)
def list_schedules(as_json: bool = Json) -> None:
    """List named schedules and curves."""
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
    epochs: int = typer.Option(200, help="Length of the training in epochs.", metavar="N"),
    lr: float = typer.Option(0.1, help="Peak learning rate.", metavar="X"),
    sets: list[str] = typer.Option(
        [], "--set", help="Change an option of the schedule, such as warmup=5 or final=0.1.", metavar="KEY=VALUE"
    ),
    svg: Path | None = typer.Option(None, "--svg", help="Write the plot as SVG instead.", metavar="FILE"),
    as_json: bool = Json,
) -> None:
    """Plot a schedule and list its options.

    The plot shows the learning rate over a whole training.
    """
    from tui.commands import schedule_show

    schedule_show.main(name, epochs, lr, sets, svg, as_json=as_json)


def _show_part(kind: str, field: loader.Kind, name: str, as_json: bool) -> None:
    presets_there = {info.name: info for info in loader.list_presets(field)}
    parts = catalog()
    known = [*presets_there, *parts.names(kind)]
    if name in presets_there:
        table = loader.read_table(presets_there[name].path)
        if as_json:
            return print_json({"name": name, **table})
        return typer.echo(loader.text_of(presets_there[name].path), nl=False)
    try:
        part = parts.get(kind, name)
    except BadInput:
        raise BadInput(f"unknown {loader.SINGULAR[field]} {name!r}{nearest(name, known)}") from None
    return print_part(part, as_json)
