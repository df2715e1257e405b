"""Pictures as half blocks and as a sheet in a file."""

import numpy as np
from PIL import Image

from engine.analysis.contact_sheet import ContactSheet
from tui.drawing import pictures

TILES = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)


def sheet(columns=4):
    captions = [[["cat"], *([["60% cat", "40% dog"]] * (columns - 1))], [["dog"], *([[]] * (columns - 1))]]
    return ContactSheet(TILES[:, :columns], ["original", *(f"op number {i}" for i in range(1, columns))], captions)


def colors(line):
    return [(*segment.style.color.triplet, *segment.style.bgcolor.triplet) for segment in line]


def test_a_cell_shows_two_pixels_one_above_the_other():
    picture = TILES[0, 0, :6, :3]
    lines = pictures.half_blocks(picture)
    assert [len(line) for line in lines] == [3, 3, 3]
    for row, line in enumerate(lines):
        assert colors(line) == [(*picture[2 * row, i].tolist(), *picture[2 * row + 1, i].tolist()) for i in range(3)]


def test_an_odd_last_row_is_shown_twice():
    lines = pictures.half_blocks(TILES[0, 0, :3, :2])
    assert len(lines) == 2
    assert all(color[:3] == color[3:] for color in colors(lines[1]))


def test_half_the_size_is_the_mean_of_four_pixels():
    half = pictures.halved(TILES[:, :, :, :31])
    assert half.shape == (2, 4, 16, 15, 3)
    assert half[1, 2, 3, 4].tolist() == TILES[1, 2, 6:8, 8:10].reshape(4, 3).astype(float).mean(0).round().tolist()


def test_a_wide_terminal_shows_whole_pictures_and_a_narrow_one_fewer_columns():
    for width, cells, shown in (
        (140, 32, 4),
        (134, 32, 4),
        (133, 16, 4),
        (70, 16, 4),
        (69, 16, 3),
        (33, 16, 1),
        (5, 16, 1),
    ):
        lines, hidden = pictures.sheet_lines(sheet(), width)
        assert hidden == 4 - shown, width
        tall = [line for line in lines if len(line) > cells]
        assert len(tall) == 2 * cells // 2
        assert all(sum(len(segment.text) for segment in line) == shown * (cells + 2) for line in tall)


def test_where_columns_are_left_out_the_first_and_the_last_stay():
    lines, _ = pictures.sheet_lines(sheet(), 40)
    assert [segment.text.strip() for segment in lines[0]] == ["original", "op number 3"]


def test_captions_stand_under_their_pictures():
    lines, _ = pictures.sheet_lines(sheet(), 140)
    words = ["".join(segment.text for segment in line).split() for line in lines]
    assert ["cat", *["60%", "cat"] * 3] in words and [*["40%", "dog"] * 3] in words and ["dog"] in words


def test_the_file_holds_every_picture_four_times_as_large(tmp_path):
    path = tmp_path / "sheet.png"
    pictures.save_png(sheet(), "a title", path)
    image = np.asarray(Image.open(path))
    found = 0
    for row in range(2):
        for column in range(4):
            big = TILES[row, column].repeat(4, 0).repeat(4, 1)
            left = pictures.MARGIN + column * (128 + pictures.GAP)
            strip = image[:, left : left + 128]
            found += any(np.array_equal(strip[top : top + 128], big) for top in range(len(strip) - 127))
    assert found == 8
    assert (image[:, -pictures.MARGIN :] == 255).all() and (image[: pictures.MARGIN] == 255).all()
    title = image[pictures.MARGIN : pictures.MARGIN + pictures.LINE]
    assert (title < 128).any()
