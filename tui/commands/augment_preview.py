"""`augmentations preview NAME`: real images before and after, in the terminal or as a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.segment import Segment, Segments

from engine.analysis.sheet import Sheet
from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.recipe.overrides import add_op
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.launch.piped import PipedChild
from presets import loader
from presets.references import Source, look_up
from tui.commands import output
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json, say
from tui.commands.trust import agreed

PLAIN: Final = {"epochs": 1, "batch_size": 64, "model": "resnet20", "optimizer": "sgd", "augmentation": []}
"""A recipe around an augmentation that is looked at alone."""
ROWS_IN_TERMINAL, ROWS_IN_FILE = 3, 8


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command."""

    name: str
    """A named augmentation, or an op as `--add-op` takes it; "" for the preset's own augmentation."""
    preset: str
    """Gives the data set and how it is normalised."""
    data: str
    """Another data set."""
    data_dir: str
    images: int
    """0: as many as look well."""
    draws: int
    seed: int
    parts: Sequence[str]
    trust: bool = False
    """Run the code that a run brings along even where it is another user's or has changed."""


def main(asked: Asked, out: Path | None, *, as_json: bool) -> None:
    """Show what an augmentation does. Raises BadInput; a child that fails has said why, and its exit code is ours."""
    console = Console(file=output.drawable(sys.stdout))
    source = look_up(asked.preset, asked.parts)
    recipe = previewed(asked, source)
    if out:
        check_out(out)
    elif as_json or not console.is_terminal or console.color_system is None or output.glyphs() == "ascii":
        raise BadInput("pictures need a terminal with colours; write them to a file with --out sheet.png")
    request = {
        "recipe": recipe.to_table(),
        "parts": source.own_parts,
        "images": asked.images or (ROWS_IN_FILE if out else ROWS_IN_TERMINAL),
        "draws": asked.draws,
        "seed": asked.seed,
        "data_dir": str(user_path(asked.data_dir).absolute()) if asked.data_dir else "",
    }
    agreed(lambda trust: own_code.approve(own_code.brought_by(source.own_parts), trust), asked.trust)
    sheet = made_by_child(request)
    title = f"{asked.name or asked.preset} on {recipe.data.name}, seed {asked.seed}"
    if out:
        write(sheet, title, user_path(out), as_json=as_json)
    else:
        draw(sheet, title, console)


def draw(sheet: Sheet, title: str, console: Console) -> None:
    """Draw in the terminal."""
    from tui.drawing.pictures import sheet_lines  # pillow takes a while to import

    lines, hidden = sheet_lines(sheet, console.width)
    typer.echo(f"{title}\n")
    for line in lines:
        console.print(Segments([*line, Segment.line()]), soft_wrap=True)
    if hidden:
        columns = "column needs" if hidden == 1 else "columns need"
        say(f"{hidden} more {columns} a wider terminal, or a file: --out sheet.png")


def write(sheet: Sheet, title: str, out: Path, *, as_json: bool) -> None:
    """Write the picture and say so. Raises BadInput where it cannot be written."""
    from tui.drawing.pictures import save_png

    try:
        save_png(sheet, title, out)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror or error}") from None
    if as_json:
        return print_json({"path": str(out.absolute()), "images": len(sheet.tiles), "columns": sheet.heads})
    return typer.echo(f"{out}: {len(sheet.tiles)} images, {len(sheet.heads)} columns")


def check_out(out: Path) -> None:
    """Refuse a path that cannot become a picture, before anything is computed."""
    if out.suffix.lower() != ".png":
        raise BadInput(f"--out {out}: the picture is a PNG; name it {out.with_suffix('.png').name}")
    if not user_path(out).parent.is_dir():
        raise BadInput(f"--out {out}: there is no folder {out.parent}")


def previewed(asked: Asked, source: Source) -> Recipe:
    """The recipe whose augmentation and data are looked at. Raises BadInput."""
    if not asked.name and not asked.preset:
        raise BadInput("which augmentation? give its name, or --preset P for that of a preset")
    table: dict[str, Any] = dict(source.recipe().to_table() if asked.preset else PLAIN)
    parts = source.parts
    if asked.data:
        table["data"] = {"name": asked.data}
    named = {info.name for info in loader.list_presets("augmentations")}
    op = asked.name.partition(":")[0]
    if asked.name in named:
        table["augmentation"] = loader.part_table("augmentations", asked.name)
    elif op in parts.names("op"):
        table = add_op({**table, "augmentation": []}, asked.name, parts)
    elif op:
        raise BadInput(f"unknown augmentation {op!r}{nearest(op, [*named, *parts.names('op')])}")
    return resolve(table, parts)


def made_by_child(request: dict[str, Any]) -> Sheet:
    """The sheet, made by a process that may import torch. A child that fails has said why on stderr."""
    child = PipedChild("engine.preview", request, show_errors=True)
    try:
        answer, code = child.read(), child.wait()
    finally:
        child.stop()
    if code:
        raise SystemExit(code if code in (BAD_INPUT, INTERRUPTED) else FAILED)
    return Sheet.from_bytes(answer)
