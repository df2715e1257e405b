"""An image before and after an augmentation, side by side, for a terminal."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from rich.style import Style

from engine.analysis.contact_sheet import ContactSheet
from engine.contract.text import clean
from tui.drawing.lines import fit
from tui.drawing.pictures import APART, half_blocks

LEAST_NOTES: Final = 10
"""Cells that the names of the operations need beside the pictures."""


def before_after(sheet: ContactSheet, width: int) -> list[list[Segment]]:
    """The first row of a sheet: its first and its last picture, their captions, and the operations in between."""
    row, last = sheet.tiles[0], sheet.tiles.shape[1] - 1
    tile = sheet.tiles.shape[3]
    pictures = [half_blocks(row[0]), half_blocks(row[last])]
    notes = [clean(head) for head in sheet.heads[1:]] if width >= 2 * tile + 2 * APART + LEAST_NOTES else []
    room = width - 2 * tile - 2 * APART
    lines = []
    for i, (before, after) in enumerate(zip(*pictures, strict=True)):
        note = fit(notes[i // 2], room) if i % 2 == 0 and i // 2 < len(notes) else ""
        lines.append([*before, Segment(" " * APART), *after, Segment(f"{' ' * APART}{note}", _DIM)])
    captions = [" ".join(map(clean, sheet.captions[0][column])) for column in (0, last)]
    words = [
        fit(f"{name}  {caption}", tile) for name, caption in zip(("as stored", "as trained"), captions, strict=True)
    ]
    lines.append([Segment(words[0] + " " * APART, _DIM), Segment(words[1], _DIM)])
    return lines


_DIM: Final = Style(dim=True)
