"""What stands beside the pictures of mistakes, on five images with known probabilities."""

import pytest

from engine.analysis.mistakes import answers_to, by_class, doubts, sureness
from engine.contract.run.summary import Summary
from tests.engine.analysis.test_mistakes import FIRST, LABELS, ONE, judged
from tests.tui.reading import text_of
from tui.drawing.image_panes import by_class_pane, considered, others_say, suspects_pane
from tui.drawing.lines import width_of


def test_an_image_has_its_classes_by_probability_and_the_truth_is_named():
    lines = text_of(considered(ONE, 2, sureness(ONE, 2), "1 of 3", 60)).splitlines()
    assert "#12" in lines[0] and "it is a b" in lines[0]
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:4]] == [
        ("a", "0.600"),
        ("b", "0.300"),
        ("c", "0.100"),
    ]
    assert "truth" in lines[2] and "truth" not in lines[1]
    assert "margin 0.7" in lines[-1] and "loss 1.20" in lines[-1], "log 2 and -log 0.3"


def test_other_runs_say_their_class_and_its_probability():
    said = [(one, "■", "run-1") for one in answers_to([judged("abcd-two")], 11)]
    text = text_of(others_say(said, int(LABELS[1]), ("a", "b", "c"), "No label is suspect.", 60))
    assert "■ -two" in text and "0.950" in text and "No label is suspect." in text


def test_mistakes_are_counted_by_class():
    lines = text_of(by_class_pane(by_class(ONE), ("a", "b", "c"), 1, 60)).splitlines()[1:]
    assert ["1" in line.split() for line in lines] == [True] * 3
    assert [line.split()[-1] for line in lines] == ["b", "a", "a"], "what they are taken for most"


def test_suspects_are_named_or_it_is_said_what_they_need():
    rows = [Summary(id=name, recipe_id=recipe) for name, recipe in (("one", "r"), ("two", "r"), ("six", "s"))]
    others = [judged("two", FIRST[1:], (11, 12, 13, 14), LABELS[1:]), judged("six")]
    text = text_of(suspects_pane(ONE, doubts(ONE, others, rows), 3, 60, 12))
    assert "2 images" in text and "#11 a as b" in text and "#14 c as a" in text
    alone = text_of(suspects_pane(ONE, doubts(ONE, others[:1], rows), 2, 60, 12))
    assert "suspects need 3 marked runs of 2 recipes" in alone


@pytest.mark.parametrize("width", [24, 40, 80])
def test_no_line_is_wider_than_the_pane(width):
    panes = [
        considered(ONE, 1, sureness(ONE, 1), "1 of 3", width),
        by_class_pane(by_class(ONE), ("a", "b", "c"), 0, width),
    ]
    assert all(width_of(line) <= width for pane in panes for line in pane)
