"""`cifar-tui augmentations preview`: images before and after augmentation, in the terminal or as a PNG file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.segment import Segment, Segments

from engine.analysis.contact_sheet import ContactSheet
from engine.contract.errors import BadInput, nearest, user_path
from engine.contract.recipe.overrides import add_op
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.launch.piped import PipedChild
from presets import loader
from presets.references import FoundReference, look_up
from tui.commands import output
from tui.commands.common import BAD_INPUT, FAILED, INTERRUPTED, print_json, say
from tui.commands.trust import agreed

PLAIN: Final = {"epochs": 1, "batch_size": 64, "model": "resnet20", "optimizer": "sgd", "augmentation": []}
"""The rest of the recipe when an augmentation is previewed by itself."""
ROWS_IN_TERMINAL, ROWS_IN_FILE = 3, 8


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments and options of the command."""

    name: str
    """A named augmentation, or an op as `--add-op` takes it; "" for the augmentation of the preset."""
    preset: str
    """Where the data set and its normalization come from."""
    data: str
    """A data set to use instead of the preset's."""
    data_dir: str
    images: int
    """Number of images; 0 chooses a suitable number."""
    draws: int
    seed: int
    parts: Sequence[str]
    trust: bool = False
    """Run code that a run brings along even if it is another user's or has changed."""


def main(options: Options, out: Path | None, *, as_json: bool) -> None:
    """Show what an augmentation does.

    Raises:
        BadInput: an option is invalid, or the PNG file cannot be written.
        SystemExit: the child process failed; it has printed the reason.
    """
    console = Console(file=output.drawable(sys.stdout))
    source = look_up(options.preset, options.parts)
    recipe = preview_recipe(options, source)
    if out:
        check_out(out)
    elif as_json or not console.is_terminal or console.color_system is None or output.glyphs() == "ascii":
        raise BadInput("images need a terminal with colors; use --out sheet.png to write them to a file")
    request = {
        "recipe": recipe.to_table(),
        "parts": source.own_parts,
        "images": options.images or (ROWS_IN_FILE if out else ROWS_IN_TERMINAL),
        "draws": options.draws,
        "seed": options.seed,
        "data_dir": str(user_path(options.data_dir).absolute()) if options.data_dir else "",
    }
    agreed(lambda trust: own_code.approve(own_code.brought_by(source.own_parts), trust), options.trust)
    sheet = sheet_from_child(request)
    title = f"{options.name or options.preset} on {recipe.data.name}, seed {options.seed}"
    if out:
        write(sheet, title, user_path(out), as_json=as_json)
    else:
        draw(sheet, title, console)


def draw(sheet: ContactSheet, title: str, console: Console) -> None:
    """Draw the sheet in the terminal."""
    from tui.drawing.pictures import sheet_lines  # pillow takes a while to import

    lines, hidden = sheet_lines(sheet, console.width)
    typer.echo(f"{title}\n")
    for line in lines:
        console.print(Segments([*line, Segment.line()]), soft_wrap=True)
    if hidden:
        columns = "column needs" if hidden == 1 else "columns need"
        say(f"{hidden} more {columns} a wider terminal; or use --out sheet.png")


def write(sheet: ContactSheet, title: str, out: Path, *, as_json: bool) -> None:
    """Write the sheet as a PNG file and report its path. Raises BadInput if it cannot be written."""
    from tui.drawing.pictures import save_png

    try:
        save_png(sheet, title, out)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror or error}") from None
    if as_json:
        return print_json({"path": str(out.absolute()), "images": len(sheet.tiles), "columns": sheet.heads})
    return typer.echo(f"{out}: {len(sheet.tiles)} images, {len(sheet.heads)} columns")


def check_out(out: Path) -> None:
    """Refuse a path that is no PNG file or has no folder, before anything is computed. Raises BadInput."""
    if out.suffix.lower() != ".png":
        raise BadInput(f"--out {out}: only PNG is supported; name it {out.with_suffix('.png').name}")
    if not user_path(out).parent.is_dir():
        raise BadInput(f"--out {out}: no such folder: {out.parent}")


def preview_recipe(options: Options, source: FoundReference) -> Recipe:
    """The recipe with the augmentation and the data set to show. Raises BadInput."""
    if not options.name and not options.preset:
        raise BadInput("give the name of an augmentation, or --preset P for the augmentation of a preset")
    table: dict[str, Any] = dict(source.recipe().to_table() if options.preset else PLAIN)
    parts = source.parts
    if options.data:
        table["data"] = {"name": options.data}
    named = {info.name for info in loader.list_presets("augmentations")}
    op = options.name.partition(":")[0]
    if options.name in named:
        table["augmentation"] = loader.part_table("augmentations", options.name)
    elif op in parts.names("op"):
        table = add_op({**table, "augmentation": []}, options.name, parts)
    elif op:
        raise BadInput(f"unknown augmentation {op!r}{nearest(op, [*named, *parts.names('op')])}")
    return resolve(table, parts)


def sheet_from_child(request: dict[str, Any]) -> ContactSheet:
    """Let a process that imports torch make the sheet. Raises SystemExit if it fails; its stderr is ours."""
    child = PipedChild("engine.preview", request, show_errors=True)
    try:
        answer, code = child.read(), child.wait()
    finally:
        child.stop()
    if code:
        raise SystemExit(code if code in (BAD_INPUT, INTERRUPTED) else FAILED)
    return ContactSheet.from_bytes(answer)
