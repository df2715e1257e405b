"""An image before and after an augmentation, side by side, for a terminal."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from rich.style import Style

from engine.analysis.contact_sheet import ContactSheet
from engine.contract.text import clean
from tui.drawing.lines import fit
from tui.drawing.pictures import APART, half_blocks

DRAWS: Final = 2
"""How many draws of the whole augmentation a sheet ends with."""
LEAST_NOTES: Final = 8
"""Cells that the names of the operations need beside the pictures."""


def before_after(sheet: ContactSheet, width: int) -> list[list[Segment]]:
    """The first row of a sheet: the picture as stored, and after all operations in as many draws as fit.

    Below them stand their captions, and at the right, where there is room, the names of the operations.

    Args:
        sheet: its last `DRAWS` columns show draws of the whole augmentation.
    """
    tile = sheet.tiles.shape[3]
    draws = range(max(sheet.tiles.shape[1] - DRAWS, 1), sheet.tiles.shape[1])
    fitting = max((width + APART) // (tile + APART), 2)
    columns = [0, *draws][:fitting]
    rest = width - len(columns) * (tile + APART)
    names = [clean(head) for head in sheet.heads[1 : draws.start + 1]] if rest >= LEAST_NOTES else []
    lines = []
    for i, parts in enumerate(zip(*(half_blocks(sheet.tiles[0, column]) for column in columns), strict=True)):
        line = [segment for part in parts for segment in (*part, Segment(" " * APART))]
        note = fit(names[i // 2], rest) if i % 2 == 0 and i // 2 < len(names) else ""
        lines.append([*line, Segment(note, _DIM)])
    captions = [" ".join(map(clean, sheet.captions[0][column])) for column in columns]
    words = [fit(f"{name}  {caption}", tile) for name, caption in zip(_NAMES, captions, strict=False)]
    return [*lines, [Segment((" " * APART).join(words), _DIM)]]


_DIM: Final = Style(dim=True)
_NAMES: Final = ("as stored", "as trained", "drawn again")
