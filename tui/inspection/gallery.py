"""Test images with captions, as pictures or, where a terminal cannot show them, as captions and where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from engine.analysis.judged_images import JudgedImages
from engine.contract.text import one_line
from tui.drawing.image_tables import image_cells
from tui.drawing.lines import Line, clip, fit, width_of, wrap
from tui.drawing.picture_lines import SIDE, SMALL, Tile, blank, columns_in, picture, tiles
from tui.inspection.facts import Facts
from tui.inspection.tab import Canvas

Caption = Callable[[int, int], Line]
"""(place in the run's predictions, cells) -> the line below its picture."""
NAME: Final = 14
"""Letters of the name of a class."""


def name_of(judged: JudgedImages, label: int) -> str:
    """The name of a class on one line."""
    return one_line(judged.classes[label], NAME)


def verdict_caption(judged: JudgedImages, place: int, cells: int = SIDE) -> Line:
    """Truth → prediction, its probability, and the index of the image at the right."""
    index, *names, probability = image_cells(judged, place)
    truth, taken = (one_line(name, NAME) for name in names)
    right = f"#{index}"
    room = (cells - len(right) - len(" →  0.000 ")) // 2
    role = "ok" if truth == taken else "warn"
    line: Line = [(_cut(truth, room), ""), (" → ", "dim"), (_cut(taken, room), f"{role} heavy")]
    line.append((f" {probability}", "strong"))
    return [*line, (right.rjust(max(cells - width_of(line), 0)), "dim")]


def _cut(text: str, cells: int) -> str:
    return text if len(text) <= cells else fit(text, cells)


def tile(facts: Facts, canvas: Canvas, place: int, caption: Line, at: int = 0) -> Tile:
    """The image of a place with its caption.

    Args:
        at: where it stands on the page, counted from 0 among the pictures of its size: its picture is kept until
            another one stands there.
    """
    judged, images = facts.judged, facts.images
    assert isinstance(judged, JudgedImages)
    if isinstance(images, str):
        return Tile(blank(""), caption)
    if canvas.waits:
        return Tile(blank("..."), caption)
    index = int(judged.answers.index[place])
    return Tile(
        lambda side: facts.kept.get((side, at), index, lambda: picture(images.image(index), side)),
        caption,
    )


def pages(
    facts: Facts, canvas: Canvas, places: Sequence[int], chosen: int, caption: Caption, rows: int, across: int = 0
) -> list[Line]:
    """The page of pictures that holds the chosen one, framed; captions alone where pictures cannot be shown.

    The lower edge of the frame in the last row is left out where there is no line for it.

    Args:
        rows: lines there are.
        across: pictures in a row; 0 for as many as fit.
    """
    if not canvas.pictures or isinstance(facts.images, str):
        return captions(facts, canvas, places, chosen, caption, rows)
    fitting, down = page_size(facts, canvas, rows)
    across = across or fitting
    on_page = across * down
    first = chosen // on_page * on_page
    page = places[first : first + on_page]
    shown = [tile(facts, canvas, place, caption(place, SIDE), at) for at, place in enumerate(page)]
    lines = tiles(shown, across, chosen - first)
    if rows - len(lines) >= SMALL // 2 + 1:
        lines += thumbnails(facts, canvas, places[first + on_page :])
    return lines[:rows]


def thumbnails(facts: Facts, canvas: Canvas, places: Sequence[int]) -> list[Line]:
    """A row of small pictures of what comes next, each with its index; without the line of a frame above it."""
    judged = facts.judged
    assert isinstance(judged, JudgedImages)
    across = max(canvas.width // (SMALL + 2), 1)
    small = []
    for at, place in enumerate(places[:across]):
        taken = name_of(judged, int(judged.answers.predicted[place]))
        caption: Line = [(f"#{judged.answers.index[place]} ", "dim"), (taken, "")]
        small.append(tile(facts, canvas, place, clip(caption, SMALL), at))
    return tiles(small, across, side=SMALL)[1:-1]


def captions(
    facts: Facts, canvas: Canvas, places: Sequence[int], chosen: int, caption: Caption, rows: int
) -> list[Line]:
    """Captions in columns, and where the images are or why they are not shown."""
    if isinstance(facts.images, str):
        why = facts.images
    else:
        why = f"pictures need colors and UTF-8; they are the test images of {facts.images.path}"
    cells = SIDE + 4
    across, down = page_size(facts, canvas, rows)
    on_page = across * down
    first = chosen // on_page * on_page
    lines: list[Line] = []
    shown = places[first : first + on_page]
    for at in range(0, len(shown), across):
        line: Line = []
        for i, place in enumerate(shown[at : at + across]):
            mark = "▸" if first + at + i == chosen else " "
            line += [(mark, "mark"), *caption(place, cells - 2), ("  ", "")]
        lines.append(clip(line, canvas.width))
    return [*lines, *([(f" {part}", "dim")] for part in wrap(why, canvas.width - 2))][:rows]


def page_size(facts: Facts, canvas: Canvas, rows: int) -> tuple[int, int]:
    """Pictures in a row of `pages`, and rows of them on a page."""
    if not canvas.pictures or isinstance(facts.images, str):
        return max((canvas.width + 2) // (SIDE + 6), 1), max(rows - 3, 1)
    return columns_in(canvas.width), max(rows // (SIDE // 2 + 2), 1)
