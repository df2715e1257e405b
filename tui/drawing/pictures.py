"""Images: in a terminal as half blocks, in a file as a contact sheet with heads and captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from engine.analysis.contact_sheet import ContactSheet
from engine.contract.text import clean
from tui.drawing.lines import fit, wrap
from tui.drawing.palette import FAINT, INK, PAPER

SCALE: Final = 4  # pixels in the file per pixel of an image
MARGIN, GAP, LINE, TEXT = 16, 8, 16, 13  # pixels: page margin, between images, line height, font size
APART: Final = 2  # cells between images in a terminal


def save_png(sheet: ContactSheet, title: str, path: Path) -> None:
    """Write a sheet as PNG with every image enlarged four times, without interpolation. Raises OSError."""
    rows, columns, height, width, _ = sheet.tiles.shape
    font = ImageFont.load_default(TEXT)
    letters = SCALE * width // 7  # that fit above an image
    heads = [wrap(head, letters) for head in sheet.heads]
    over = max(map(len, heads))
    under = [max(map(len, row)) for row in sheet.captions]
    tile_height, step = SCALE * height, SCALE * width + GAP
    whole = (
        2 * MARGIN + columns * step - GAP,
        2 * MARGIN + (2 + over) * LINE + rows * (tile_height + GAP) + sum(under) * LINE,
    )
    image = Image.new("RGB", whole, PAPER)
    draw = ImageDraw.Draw(image)

    def write(x: int, y: int, lines: Sequence[str], color: str) -> None:
        for number, line in enumerate(lines):
            draw.text((x, y + number * LINE), line, color, font)

    write(MARGIN, MARGIN, [title], INK)
    y = MARGIN + 2 * LINE
    for column, lines in enumerate(heads):
        write(MARGIN + column * step, y + (over - len(lines)) * LINE, lines, INK)
    y += over * LINE + 2
    for row in range(rows):
        for column in range(columns):
            tile = Image.fromarray(sheet.tiles[row, column])
            x = MARGIN + column * step
            image.paste(tile.resize((SCALE * width, tile_height), Image.Resampling.NEAREST), (x, y))
            write(x, y + tile_height + 1, sheet.captions[row][column], FAINT)
        y += tile_height + GAP + under[row] * LINE
    image.save(path, "PNG")


def half_blocks(picture: np.ndarray) -> list[list[Segment]]:
    """An image (H, W, 3) uint8 as H / 2 lines of W cells: upper pixels are foreground, lower ones background."""
    if len(picture) % 2:
        picture = np.concatenate((picture, picture[-1:]))
    colors = [[Color.from_rgb(*pixel) for pixel in row] for row in picture.tolist()]
    return [
        [Segment("▀", Style(color=ink, bgcolor=paper)) for ink, paper in zip(upper, lower, strict=True)]
        for upper, lower in zip(colors[::2], colors[1::2], strict=True)
    ]


def halved(tiles: np.ndarray) -> np.ndarray:
    """Images (..., H, W, 3) at half their size: the mean of every 2 x 2 pixels. An odd row or column is dropped."""
    *first, height, width, channels = tiles.shape
    even = tiles[..., : height // 2 * 2, : width // 2 * 2, :]
    quads: np.ndarray = even.reshape(*first, height // 2, 2, width // 2, 2, channels).mean((-4, -2)).round()
    return quads.astype(np.uint8)


def fitting_columns(sheet: ContactSheet, tile: int, width: int) -> list[int]:
    """The columns that fit into `width` cells: the first, and as many of the last ones as fit beside it."""
    columns = sheet.tiles.shape[1]
    room = max(1, (width + APART) // (tile + APART))
    return list(range(columns)) if columns <= room else [0, *range(columns - room + 1, columns)]


def sheet_lines(sheet: ContactSheet, width: int) -> tuple[list[list[Segment]], int]:
    """A sheet for a terminal of `width` cells, and how many of its columns do not fit.

    Images are shown at half their size if otherwise not all columns would fit.
    """
    tiles = sheet.tiles
    columns = tiles.shape[1]
    if columns * (tiles.shape[3] + APART) - APART > width:
        tiles = halved(tiles)
    rows, cells = tiles.shape[0], tiles.shape[3]
    shown = fitting_columns(sheet, cells, width)
    lines = _text_rows([wrap(sheet.heads[column], cells) for column in shown], cells, bold=True)
    for row in range(rows):
        pictures = [half_blocks(tiles[row, column]) for column in shown]
        for line in zip(*pictures, strict=True):
            lines.append([segment for part in line for segment in (*part, Segment(" " * APART))])
        lines += _text_rows([sheet.captions[row][column] for column in shown], cells)
        lines.append([])
    return lines, columns - len(shown)


def _text_rows(texts: Sequence[Sequence[str]], cells: int, bold: bool = False) -> list[list[Segment]]:
    """Texts of several lines side by side, each as wide as an image."""
    style = Style(bold=True) if bold else Style(dim=True)
    return [
        [Segment(fit(clean(text[i]) if i < len(text) else "", cells) + " " * APART, style) for text in texts]
        for i in range(max(map(len, texts)))
    ]
