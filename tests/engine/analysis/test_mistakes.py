"""Single images that are misclassified."""

import math

import numpy as np
import pytest

from engine.analysis.judged_images import JudgedImages
from engine.analysis.mistakes import answers_to, by_class, doubts, mistaken, sureness, to_json
from engine.analysis.pairing import Answers
from engine.contract.run.summary import Summary

LABELS = np.array([0, 0, 1, 1, 2])
FIRST = np.array([[0.7, 0.2, 0.1], [0.02, 0.95, 0.03], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.9, 0.06, 0.04]])


def judged(run, probabilities=FIRST, index=(10, 11, 12, 13, 14), labels=LABELS):
    answers = Answers(run, labels, probabilities.argmax(1), np.array(index), ("a", "b", "c"), "d", "raw", 1)
    return JudgedImages(answers, probabilities)


ONE = judged("one")


def test_mistakes_come_in_the_order_asked_for():
    assert mistaken(ONE).tolist() == [1, 4, 2]
    assert mistaken(ONE, "least confident first").tolist() == [2, 4, 1]
    assert mistaken(ONE, "highest loss first").tolist() == [1, 4, 2]
    assert mistaken(ONE, "by index").tolist() == [1, 2, 4]
    assert mistaken(ONE, label=1).tolist() == [2]


def test_how_sure_a_run_is():
    sure = sureness(ONE, 2)
    assert sure.margin == pytest.approx(math.log(2)) and sure.loss == pytest.approx(-math.log(0.3))
    assert sure.entropy == pytest.approx(-0.6 * math.log(0.6) - 0.3 * math.log(0.3) - 0.1 * math.log(0.1))
    certain = sureness(judged("x", np.array([[1.0, 0.0, 0.0]]), (0,), np.array([1])), 0)
    assert (certain.margin, certain.entropy, certain.loss) == (math.inf, 0.0, math.inf)


def test_the_most_probable_classes_and_the_cells_of_the_matrix():
    assert ONE.top(1, 2) == [(1, 0.95), (2, 0.03)]
    assert ONE.cell(2, 0).tolist() == [4] and ONE.cell(0, 2).tolist() == []


def test_mistakes_by_class_name_what_they_are_taken_for():
    assert [(one.label, one.images, one.most) for one in by_class(ONE)] == [(0, 1, 1), (1, 1, 0), (2, 1, 0)]


def test_other_runs_are_asked_about_the_same_image_of_the_test_set():
    other = judged("two", FIRST[1:], (11, 12, 13, 14), LABELS[1:])
    (said,) = answers_to([other], 11)
    assert (said.run, said.predicted, said.probability) == ("two", 1, 0.95)
    assert answers_to([other], 10) == []


def test_suspects_are_places_of_the_run_in_question():
    rows = [Summary(id=name, recipe_id=recipe) for name, recipe in (("one", "r"), ("two", "r"), ("six", "s"))]
    others = [judged("two", FIRST[1:], (11, 12, 13, 14), LABELS[1:]), judged("six")]
    assert doubts(ONE, others, rows).places == (1, 4)
    alone = doubts(ONE, others[:1], rows)
    assert alone.places == () and alone.why == "suspects need 3 marked runs of 2 recipes; here are 2 of 1"


def test_json_has_each_mistake_with_its_classes_and_what_others_say():
    data = to_json(ONE, [judged("two")], doubts(ONE, [], []))
    assert (data["count"], data["images"]) == (3, 5)
    first = data["mistakes"][0]
    assert (first["index"], first["truth"], first["predicted"]) == (11, "a", "b")
    assert first["classes"][0] == {"class": "b", "probability": 0.95} and first["others"][0]["run"] == "two"
