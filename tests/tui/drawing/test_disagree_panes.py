"""The panes of two runs compared image by image, on five images whose cells are counted by hand."""

import pytest

from engine.analysis.disagree import disagreement
from tests.engine.analysis.test_disagree import ONE, TWO
from tests.tui.reading import text_of
from tui.drawing.disagree_panes import Names, churn_pane, reading_pane, right_by_class, table_pane, together_pane
from tui.drawing.lines import width_of

NAMES = Names(run=("one", "run-0"), other=("two", "run-1"))
FOUND = disagreement(ONE, TWO, [])


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("rows", [1, 3])
def test_the_table_has_the_four_counts_where_they_belong(width, rows):
    lines = text_of(table_pane(FOUND, NAMES, width, rows)).splitlines()
    (right,) = [line for line in lines if "one right" in line]
    (wrong,) = [line for line in lines if "one wrong" in line]
    assert right.split()[:2] == ["one", "right"] and right.split()[2] == "1" and "only one right" in right
    assert wrong.split()[2] == "1" and "2      both wrong" in wrong
    assert "McNemar exact p 1" in "\n".join(lines), "one image each way"
    assert "both wrong alike: 1 of 2" in "\n".join(lines)


def test_churn_says_when_there_are_no_seeds_to_compare_it_with():
    text = text_of(churn_pane(FOUND, NAMES, 80))
    assert "one and two" in text and "60.00 %" in text and "no seeds" in text


def test_each_class_counts_the_images_that_only_one_run_has_right():
    lines = text_of(right_by_class(FOUND, NAMES, 80, 10)).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["a", "b", "c"]
    assert [line.split()[-2:] for line in lines] == [["0", "1"], ["1", "0"], ["0", "0"]]


def test_an_ensemble_is_said_to_be_none_of_the_recipes():
    text = text_of(together_pane(FOUND, NAMES, 60))
    # Each has two of five right, and so has the mean of both: images 0 and 3.
    assert text.count("40.00") == 3 and "not a result of either recipe" in text


@pytest.mark.parametrize("width", [30, 60, 100])
def test_no_line_is_wider_than_the_pane(width):
    panes = [
        table_pane(FOUND, NAMES, width, 3),
        churn_pane(FOUND, NAMES, width),
        right_by_class(FOUND, NAMES, width, 9),
    ]
    for line in [line for pane in [*panes, together_pane(FOUND, NAMES, width), reading_pane(width)] for line in pane]:
        assert width_of(line) <= width
