"""Pictures as lines of half blocks: two pixels in a cell, each in its own color.

The role of a part of a picture is "#rrggbb #rrggbb", the color of its upper pixels and of its lower ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tui.drawing.lines import Line, fit, width_of

Pixels = npt.NDArray[np.uint8]
SIDE: Final = 32
"""Cells across of a picture; it is half as many high."""
SMALL: Final = 16
"""Cells across of a thumbnail."""
PITCH: Final = SIDE + 2
"""Cells from one picture to the next."""


def columns_in(width: int) -> int:
    """Pictures side by side in `width` cells, two apart."""
    return max((width + 2) // PITCH, 1)


def picture(image: Pixels, side: int = SIDE) -> list[Line]:
    """An image (H, W, 3) as side / 2 lines of `side` cells.

    A larger one is shrunk by taking the mean of 2 x 2 pixels, as often as it takes; a smaller one stands in the middle.
    """
    while image.shape[1] > side or image.shape[0] > side:
        image = _half(image)
    height, width = image.shape[:2]
    if height % 2:
        image, height = np.concatenate((image, image[-1:])), height + 1
    left, top = (side - width) // 2, (side - height) // 4
    pad: Line = [(" " * left, "")] if left else []
    lines: list[Line] = [[(" " * side, "")] for _ in range(top)]
    for upper, lower in zip(image[::2].tolist(), image[1::2].tolist(), strict=True):
        parts: Line = list(pad)
        for one, other in zip(upper, lower, strict=True):
            role = "#{:02x}{:02x}{:02x} #{:02x}{:02x}{:02x}".format(*one, *other)
            if parts and parts[-1][1] == role:
                parts[-1] = (parts[-1][0] + "▀", role)
            else:
                parts.append(("▀", role))
        lines.append([*parts, (" " * (side - left - width), "")] if side > left + width else parts)
    return [*lines, *([(" " * side, "")] for _ in range(side // 2 - len(lines)))]


def _half(image: Pixels) -> Pixels:
    height, width, channels = image.shape
    even = image[: height // 2 * 2, : width // 2 * 2]
    means: Pixels = even.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3)).round().astype(np.uint8)
    return means


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture with the line below it."""

    draw: Callable[[int], list[Line]]
    """Draws the picture with so many cells across."""
    caption: Line


def blank(words: str) -> Callable[[int], list[Line]]:
    """Stands in place of a picture, with words in its middle."""

    def draw(side: int) -> list[Line]:
        lines: list[Line] = [[(" " * side, "")] for _ in range(side // 2)]
        lines[side // 4] = [(fit(words.center(side), side), "dim")]
        return lines

    return draw


def tiles(shown: Sequence[Tile], across: int, chosen: int = -1, side: int = SIDE) -> list[Line]:
    """Pictures in rows of `across`, with their captions; a frame stands round the chosen one.

    A row takes side / 2 + 2 lines: that of the frame's upper edge, the picture, its caption. The last line is that of
    the frame's lower edge. Each line begins with the column of the frame's left edge.
    """
    rows = side // 2 + 2
    chosen = chosen if chosen >= 0 else -len(shown) - 2 * across
    down = -(-len(shown) // across)
    lines: list[Line] = []
    for row in range(down):
        here = shown[row * across : (row + 1) * across]
        below, above = (_within(chosen - at * across, across) for at in (row, row - 1))
        lines.append(_edge(len(here), below, above, side))
        bodies = [[*one.draw(side), _padded(one.caption, side)] for one in here]
        for y in range(rows - 1):
            line: Line = []
            for i, body in enumerate(bodies):
                edge = ("│", "frame") if i == chosen - row * across else (" ", "")
                line += [edge, *body[y], edge]
            lines.append(line)
    if shown:
        lines.append(_edge(across, -1, _within(chosen - (down - 1) * across, across), side))
    return lines


def _within(column: int, across: int) -> int:
    """A column of a row of pictures; -1 for one outside of it."""
    return column if 0 <= column < across else -1


def _padded(caption: Line, side: int) -> Line:
    return [*caption, (" " * max(side - width_of(caption), 0), "")]


def _edge(count: int, below: int, above: int, side: int) -> Line:
    """The line between two rows: the upper edge of a frame below it, or the lower edge of one above it."""
    line: Line = []
    for i in range(max(count, above + 1)):
        if i == below:
            line.append(("╭" + "─" * side + "╮", "frame"))
        elif i == above:
            line.append(("╰" + "─" * side + "╯", "frame"))
        else:
            line.append((" " * (side + 2), ""))
    return line
