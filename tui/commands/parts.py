"""`augmentations` and `schedules`, and how any part is printed with its options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from engine.contract.errors import BadInput, nearest
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.params import Param
from engine.contract.recipe.schema import COMMON
from presets import loader
from tui.commands.common import Json, TrustParts, group, listing, print_json, print_pairs, print_table, print_text

augmentations = group("Named augmentations, and the ops that they are made of.")
schedules = group("Named learning-rate schedules.")


@listing(augmentations)
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
    trust_parts: bool = TrustParts,
    as_json: bool = Json,
) -> None:
    """Show real images before and after, op by op."""
    from tui.commands import augment_preview

    asked = augment_preview.Asked(name, preset, data, data_dir, images, draws, seed, own_parts, trust_parts)
    augment_preview.main(asked, out, as_json=as_json)


@listing(schedules)
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
        return typer.echo(loader.text_of(presets_there[name].path), nl=False)
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
    print_doc(part.doc)
    return print_options(row["options"])


def print_doc(doc: str) -> None:
    """A part's documentation with a free line around it, its paragraphs filled for this terminal."""
    about = doc.partition("\n\nArgs:")[0]  # what follows is for callers
    paragraphs = [" ".join(text.split()) for text in about.split("\n\n")]
    print_text("\n" + "\n\n".join(paragraphs))
    typer.echo()


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
