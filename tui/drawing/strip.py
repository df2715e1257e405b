"""A history as a filled strip of dots, the newest value at the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from tui.drawing.format import Glyphs
from tui.drawing.lines import Line
from tui.drawing.raster import DOTS, Raster

STEPS: Final = 4
"""Roles of the ramp: `history-0` in the lowest row to `history-3` in the highest."""


def samples(width: int, glyphs: Glyphs) -> int:
    """How many values a strip of this width shows."""
    return width * DOTS[glyphs][0]


def strip(values: Sequence[float], width: int, height: int, glyphs: Glyphs = "braille") -> list[Line]:
    """The last values, 0..1, in `height` rows; NaN leaves its column empty. A value above 0 shows at least one dot."""
    raster = Raster(width, height, glyphs)
    shown = values[-raster.columns :]
    for column, value in enumerate(shown, raster.columns - len(shown)):
        if math.isfinite(value) and value > 0:
            filled = min(max(round(value * raster.rows), 1), raster.rows)
            for row in range(raster.rows - filled, raster.rows):
                raster.dot(column, row, "history", strip)
    lines = raster.lines()
    highest = max(height - 1, 1)
    steps = [round((STEPS - 1) * (highest - row) / highest) for row in range(height)]
    return [[("".join(text for text, _ in line), f"history-{step}")] for line, step in zip(lines, steps, strict=True)]
