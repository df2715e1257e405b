"""The confusion matrix and its most frequent mistakes."""

import numpy as np

from tests.tui.demo import CLASSES
from tests.tui.reading import text_of
from tui.drawing.confusion import confusion, matrix_of, worst_pairs


def test_the_matrix_and_its_worst_pairs_agree():
    flat = np.diag([90] * 10)
    flat[3, 5], flat[5, 3] = 8, 7
    matrix = matrix_of(flat.ravel().tolist(), 10)
    assert matrix is not None and matrix_of([1, 2], 10) is None
    lines = text_of(confusion(matrix, CLASSES, 80, as_percent=False)).splitlines()
    assert lines[4].split() == ["cat", "·", "·", "·", "90", "·", "8", "·", "·", "·", "·", "91.8", "%"]
    first, second = text_of(worst_pairs(matrix, CLASSES, 80)).splitlines()
    assert first.split()[:4] == ["cat", "taken", "for", "dog"] and "8 images" in first and "8.2 % of cat" in first
    assert second.split()[:4] == ["dog", "taken", "for", "cat"]


def test_a_class_without_images_divides_nothing_by_zero():
    matrix = matrix_of([0, 0, 0, 5], 2)
    assert matrix is not None
    assert "0.0 %" in text_of(confusion(matrix, ["a", "b"], 60, as_percent=True))
    assert worst_pairs(matrix, ["a", "b"], 60) == []
