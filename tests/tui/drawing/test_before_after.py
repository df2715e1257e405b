"""An image before and after, for a terminal."""

import numpy as np
import pytest

from engine.analysis.contact_sheet import ContactSheet
from tui.drawing.before_after import before_after


def sheet():
    tiles = np.random.default_rng(0).integers(0, 255, (1, 4, 32, 32, 3), np.uint8)
    return ContactSheet(
        tiles, ["original", "random_crop", "flip\x1b[2J", "cutmix"], [[["ship"], [], [], ["75% ship", "25% cat"]]]
    )


def rows(width):
    return ["".join(segment.text for segment in line).rstrip() for line in before_after(sheet(), width)]


@pytest.mark.parametrize("width", [66, 77, 80, 110])
def test_both_pictures_stand_at_full_size_with_their_captions(width):
    found = rows(width)
    assert len(found) == 17 and all(len(line) <= max(width, 66) for line in found)
    assert all(line.count("▀") == 64 for line in found[:16])
    assert found[16].split() == ["as", "stored", "ship", "as", "trained", "75%", "ship", "25%", "cat"]


def test_the_operations_are_named_beside_them_where_there_is_room():
    assert [line.replace("▀", "").strip() for line in rows(80)[:6]] == [
        "random_crop"[:12],
        "",
        "flip[2J",
        "",
        "cutmix",
        "",
    ]
    assert "random_crop" not in "".join(rows(70)) and "\x1b" not in "".join(rows(80))
