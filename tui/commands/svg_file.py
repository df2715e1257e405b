"""Write a figure as an SVG file, for the commands that have one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.contract.errors import BadInput
from tui.commands import out_file
from tui.commands.common import say
from tui.drawing.palette import Palette
from tui.drawing.svg import Part, page


def check(file: Path, option: str) -> None:
    """Raise BadInput if the name of the file does not end in .svg, which is best known before any work is done."""
    if file.suffix.lower() != ".svg":
        raise BadInput(f"{option} {file}: the name has to end in .svg")


def save(parts: Sequence[Part], file: Path, option: str, palette: Palette | None = None) -> None:
    """Write the parts below each other and say so on stderr.

    Args:
        option: the option that named the file, for messages.
        palette: whose background is painted; by default that of paper.

    Raises:
        BadInput: the name does not end in .svg, or the file cannot be written.
    """
    check(file, option)
    out_file.write(file, page(parts, palette), option)
    say(f"wrote {file}")
