"""The images of a tab of Inspect as a contact sheet in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from engine.analysis.contact_sheet import ContactSheet
from engine.analysis.judged_images import JudgedImages
from engine.contract.errors import BadInput
from tui.inspection.facts import Facts
from tui.inspection.gallery import name_of
from tui.inspection.tab import Tab

COLUMNS: Final = 8
MOST: Final = 64
"""Images on a sheet at most: the first of those that the tab shows."""
PAPER: Final = 255
"""Gray level of places without an image in the last row."""


def save_sheet(facts: Facts, tab: Tab, path: Path) -> str:
    """Write the images that a tab shows as PNG, each with its classes, its probability and its index.

    Returns:
        What was written, in words.

    Raises:
        BadInput: the tab shows no images, or the file cannot be written.
    """
    title, places = tab.listed(facts)
    if not isinstance(facts.judged, JudgedImages):
        raise BadInput(f"{tab.title}: no images, because {facts.judged.reason}")
    if isinstance(facts.images, str):
        raise BadInput(f"{tab.title}: {facts.images}")
    if not places:
        raise BadInput(f"{tab.title} shows no images to write")
    from tui.drawing.pictures import save_png  # imports Pillow

    shown = places[:MOST]
    count = f"{len(shown)} of {len(places)}" if len(shown) < len(places) else f"{len(places)}"
    try:
        save_png(_sheet(facts, shown), f"{facts.id}  {title}: {count}", path)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from None
    return f"{count} {'image' if len(places) == 1 else 'images'} of {facts.id}: {title}"


def _sheet(facts: Facts, places: Sequence[int]) -> ContactSheet:
    judged, images = facts.judged, facts.images
    assert isinstance(judged, JudgedImages) and not isinstance(images, str)
    pixels = [images.image(int(judged.answers.index[place])) for place in places]
    columns = min(COLUMNS, len(places))
    rows = -(-len(places) // columns)
    tiles = np.full((rows * columns, *pixels[0].shape), PAPER, np.uint8)
    tiles[: len(pixels)] = pixels
    captions = [_caption(judged, place) for place in places] + [[]] * (rows * columns - len(places))
    by_row = [captions[at : at + columns] for at in range(0, len(captions), columns)]
    return ContactSheet(tiles.reshape(rows, columns, *pixels[0].shape), [""] * columns, by_row)


def _caption(judged: JudgedImages, place: int) -> list[str]:
    answers = judged.answers
    truth, taken = (name_of(judged, int(one[place])) for one in (answers.labels, answers.predicted))
    return [f"{truth} → {taken}", f"{judged.probability(place):.3f}  #{answers.index[place]}"]
