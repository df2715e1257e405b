"""Two runs compared image by image as tables, on five images whose cells are counted by hand."""

from engine.analysis.disagree import disagreement
from tests.engine.analysis.test_disagree import ONE, TWO
from tui.drawing import disagree_tables as tables

FOUND = disagreement(ONE, TWO, [])


def test_the_four_counts_have_their_share_and_the_test_stands_below():
    table = tables.pair_table(FOUND, "one", "two")
    assert table.rows == (
        ("both right", "1", "20.00"), ("only one right", "1", "20.00"), ("only two right", "1", "20.00"),
        ("both wrong", "2", "40.00"), ("both wrong alike", "1", "20.00"),
    )  # fmt: skip
    assert table.title == "one and two on 5 images" and table.legend[0] == "McNemar exact p 1, mid-p 1"


def test_churn_without_seeds_and_classes_and_both_together():
    assert tables.churn_table(FOUND, "one", "two").rows[:2] == (
        ("one and two", "60.00"),
        ("two seeds of one recipe", "-"),
    )
    assert tables.by_class_table(FOUND, "one", "two").rows == (("a", "0", "1"), ("b", "1", "0"), ("c", "0", "0"))
    assert tables.together_table(FOUND, "one", "two").rows[2] == ("both", "40.00")


def test_each_image_has_two_answers_of_both_runs():
    table = tables.disagreed_table("only one is right", ONE, FOUND, FOUND.places, "one", "two")
    assert table.rows[0] == ("3", "a", "b", "0.60", "a", "0.20", "a", "0.99", "b", "0.01")
    heads = [column.head for column in table.columns]
    assert len(set(heads)) == len(heads) == len(table.rows[0])
