"""The confusion matrix as heat, and the panes beside it."""

import numpy as np
import pytest

from engine.analysis.confused import Confused
from tests.tui.demo import CLASSES
from tests.tui.reading import fits, text_of
from tui.drawing.confusion import Grid, confusion, frequent, grid_for, heat, in_words, where_mistakes_go

MATRIX = np.diag([90] * 10)
MATRIX[3, 5], MATRIX[5, 3], MATRIX[0, 8] = 46, 3, 1
ONE = Confused(4, tuple(CLASSES), MATRIX)
ORDER = list(range(10))


@pytest.mark.parametrize(("count", "step"), [(0, 0), (1, 1), (3, 2), (12, 4), (40, 7), (46, 8)])
def test_heat_is_on_a_square_root_scale_cut_to_whole_steps(count, step):
    assert heat(count, 46) == step


@pytest.mark.parametrize(
    ("width", "height", "cell", "rows"),
    [(79, 20, 5, 1), (81, 30, 6, 2), (102, 30, 8, 2), (102, 40, 8, 3), (60, 30, 4, 1)],
)
def test_cells_are_as_large_as_fit(width, height, cell, rows):
    grid = grid_for(CLASSES, width, height)
    assert (grid.cell, grid.rows) == (cell, rows)


@pytest.mark.parametrize("grid", [Grid(12, 8, 3), Grid(12, 6, 2), Grid(12, 5, 1)])
def test_counts_stand_on_heat_and_right_answers_on_one_blue(grid):
    lines = confusion(ONE, ORDER, grid, (3, 5))
    assert fits(lines, grid.width(10), 3 + 10 * grid.rows)
    cat = lines[1 + 3 * grid.rows]
    assert [role for text, role in cat if text.strip() in ("46", "90")] == ["right", "heat-8 heavy"]
    assert {text for text, role in cat if role == "heat-8 strong"} == {"▐", "▌"}
    assert [text.strip() for text, role in lines[1] if role == "heat-1"] == ["1"]
    assert text_of([cat]).split()[-1] == "66.2"
    assert "1 .. 46 images" in text_of(lines) and ("by square root" in text_of(lines)) == (grid.cell > 5)


def test_percent_is_of_the_true_class():
    assert "33.8" in text_of(confusion(ONE, ORDER, Grid(12, 6, 2), as_percent=True))


def test_a_class_without_images_divides_nothing_by_zero():
    empty = Confused(1, ("a", "b"), np.array([[0, 0], [0, 5]]))
    assert "-" in text_of(confusion(empty, [0, 1], Grid(3, 6, 1), as_percent=True))
    assert "none: every image is recognized" in text_of(frequent(empty, 60, 9))
    assert in_words(empty, 60) == []


def test_lost_and_gained_share_one_scale_around_the_line():
    lines = text_of(where_mistakes_go(ONE, ORDER, 80, 12)).splitlines()
    cat, dog = lines[4], lines[6]
    assert cat.split()[-2:] == ["46", "3"] and dog.split()[-2:] == ["3", "46"]
    assert cat.index("│") == dog.index("│") and cat.count("━") == pytest.approx(dog.count("━"), abs=1)


def test_words_and_pairs_say_the_same():
    assert text_of(in_words(ONE, 100)) == (
        " cat loses most: 46 images, 46 of them to dog. dog gains most: 46 images, 46 of them from cat."
    )
    first = text_of(frequent(ONE, 40, 9, (3, 5))).splitlines()[1]
    assert first.split() == ["cat", "→", "dog", "46", "33.8", "%"]
