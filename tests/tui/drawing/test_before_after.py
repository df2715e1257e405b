"""An image before and after, for a terminal."""

import numpy as np
import pytest

from engine.analysis.contact_sheet import ContactSheet
from tui.drawing.before_after import before_after


def sheet():
    tiles = np.random.default_rng(0).integers(0, 255, (1, 5, 32, 32, 3), np.uint8)
    mixed = ["75% ship", "25% cat"]
    return ContactSheet(
        tiles, ["original", "crop", "flip\x1b[2J", "cutmix", "draw 2"], [[["ship"], [], [], mixed, mixed]]
    )


def rows(width, shown=None):
    return ["".join(segment.text for segment in line).rstrip() for line in before_after(shown or sheet(), width)]


@pytest.mark.parametrize(("width", "pictures"), [(66, 2), (77, 2), (99, 2), (100, 3), (140, 3)])
def test_the_pictures_stand_at_full_size_with_their_captions(width, pictures):
    found = rows(width)
    assert len(found) == 17 and all(len(line) <= max(width, 66) for line in found)
    assert all(line.count("▀") == 32 * pictures for line in found[:16])
    assert found[16].split()[:9] == ["as", "stored", "ship", "as", "trained", "75%", "ship", "25%", "cat"]
    assert ("drawn again" in found[16]) == (pictures == 3)


def test_the_operations_are_named_beside_them_where_there_is_room():
    assert [line.replace("▀", "").strip() for line in rows(80)[:6]] == ["crop", "", "flip[2J", "", "cutmix", ""]
    assert "crop" not in "".join(rows(70)) and "\x1b" not in "".join(rows(80))


def test_without_an_augmentation_there_is_only_the_picture_as_stored():
    tiles = np.zeros((1, 1, 32, 32, 3), np.uint8)
    found = rows(80, ContactSheet(tiles, ["original"], [[["ship"]]]))
    assert found[16].split() == ["as", "stored", "ship"] and found[0].count("▀") == 32
