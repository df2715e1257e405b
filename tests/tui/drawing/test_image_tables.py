"""Single images as tables, on five images with known probabilities."""

import numpy as np

from engine.analysis.mistakes import Doubts, answers_to, by_class, sureness
from tests.engine.analysis.test_mistakes import FIRST, LABELS, ONE, judged
from tui.drawing import image_tables as tables


def test_each_image_has_its_figures_and_what_other_runs_answer():
    other = judged("20261122-two", FIRST[1:], (11, 12, 13, 14), LABELS[1:])
    table = tables.images_table("mistakes", ONE, [2, 0], [other])
    assert [column.head for column in table.columns][-2:] == ["-two says", "p of -two"]
    assert table.rows == (
        ("12", "b", "a", "0.600", "0.7", "0.90", "1.20", "a", "0.600"),
        ("10", "a", "a", "0.700", "1.3", "0.80", "0.36", "-", "-"),
    ), "the other run was not tested on image 10"


def test_a_certain_answer_has_an_infinite_margin():
    certain = judged("x", np.array([[1.0, 0.0, 0.0]]), (0,), np.array([1]))
    assert tables.sure_cells(sureness(certain, 0)) == ("infinite", "0.00", "infinite")


def test_the_truth_is_marked_among_the_classes_of_an_image():
    table = tables.considered_table(ONE, 2, sureness(ONE, 2))
    assert table.title == "image 12: b taken for a"
    assert table.rows == (("a", "0.600", ""), ("b", "0.300", "truth"), ("c", "0.100", ""))
    assert table.legend == ("margin 0.7", "entropy 0.90", "loss 1.20")


def test_runs_classes_and_suspects_are_named():
    names = ONE.classes
    said = tables.others_table(answers_to([judged("abcd-two")], 11), names, "not a suspect")
    assert said.rows == (("-two", "b", "0.950"),) and said.legend == ("not a suspect",)
    assert tables.by_class_table(by_class(ONE), names).rows[0] == ("a", "1", "b")
    assert tables.suspects_table(ONE, Doubts((1,))).rows == (("11", "a", "b", "0.950"),)
    assert tables.suspects_table(ONE, Doubts(why="too few runs")).lead == ("too few runs",)
