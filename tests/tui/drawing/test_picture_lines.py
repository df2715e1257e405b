"""Pictures as half blocks."""

import numpy as np
import pytest

from tests.tui.reading import fits, text_of
from tui.drawing.lines import width_of
from tui.drawing.picture_lines import PITCH, Tile, blank, columns_in, picture, tiles


def test_the_colors_of_two_pixels_share_a_cell():
    image = np.zeros((32, 32, 3), np.uint8)
    image[0, 0], image[1, 0] = (255, 0, 16), (1, 2, 3)
    lines = picture(image)
    assert lines[0][0] == ("▀", "#ff0010 #010203")
    assert lines[0][1] == ("▀" * 31, "#000000 #000000") and len(lines) == 16


@pytest.mark.parametrize("shape", [(32, 32), (28, 28), (64, 64), (33, 17), (5, 4), (16, 16)])
@pytest.mark.parametrize("side", [32, 16])
def test_an_image_of_any_size_fills_its_place(shape, side):
    lines = picture(np.full((*shape, 3), 9, np.uint8), side)
    assert len(lines) == side // 2 and {width_of(line) for line in lines} == {side}


def test_a_thumbnail_is_the_mean_of_two_by_two_pixels():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:2, :2] = [[[0] * 3, [100] * 3], [[40] * 3, [60] * 3]]
    assert picture(image, 16)[0][0][1].startswith("#323232 ")


def test_the_number_of_columns_is_that_of_the_rule():
    assert [columns_in(width) for width in (20, 32, 65, 66, 100, 134)] == [1, 1, 1, 2, 3, 4]


def test_a_frame_stands_round_the_chosen_picture_alone():
    shown = [Tile(blank(""), [(f"#{i}", "")]) for i in range(3)]
    for chosen in range(3):
        lines = tiles(shown, 2, chosen)
        text = text_of(lines)
        assert text.count("╭") == text.count("╯") == 1 and text.count("│") == 2 * 17
        row, column = divmod(chosen, 2)
        assert text.splitlines()[18 * row].index("╭") == PITCH * column
        assert fits(lines, 2 * PITCH, 2 * 18 + 1)
    assert "╭" not in text_of(tiles(shown, 1)) and "╰" not in text_of(tiles(shown, 1))
