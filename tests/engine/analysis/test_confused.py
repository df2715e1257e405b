"""The confusion matrix and its figures, against scikit-learn's definitions worked by hand."""

import math

import numpy as np

from engine.analysis.confused import Confused

ONE = Confused(7, ("cat", "dog", "ship"), np.array([[90, 8, 2], [5, 95, 0], [0, 0, 0]]))


def test_recall_precision_lost_and_gained():
    assert ONE.accuracy == 185 / 200
    assert ONE.recall[:2] == [0.9, 0.95] and math.isnan(ONE.recall[2])
    assert ONE.precision == [90 / 95, 95 / 103, 0.0]
    assert (ONE.lost, ONE.gained) == ([10, 5, 0], [5, 8, 2])
    assert ONE.share(0, 1) == 0.08 and ONE.share(2, 0) == 0.0


def test_the_most_frequent_mistakes_come_first():
    assert ONE.pairs() == [(0, 1, 8), (1, 0, 5), (0, 2, 2)]
    assert ONE.pairs(1) == [(0, 1, 8)]


def test_classes_that_are_confused_stand_together():
    matrix = np.diag([9, 9, 9, 9])
    matrix[0, 3], matrix[3, 1], matrix[2, 1] = 5, 4, 1
    chain = Confused(1, tuple("abcd"), matrix).by_similarity()
    assert chain in ([0, 3, 1, 2], [2, 1, 3, 0])


def test_json_names_each_mistake():
    assert ONE.to_json()["mistakes"][0] == {"truth": "cat", "taken_for": "dog", "images": 8, "share": 0.08}
