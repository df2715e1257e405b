"""The confusion matrix as tables."""

import numpy as np

from engine.analysis.confused import Confused
from tui.drawing.confusion_tables import frequent_table, lost_table, matrix_table

ONE = Confused(4, ("a", "b", "c"), np.array([[8, 2, 0], [1, 9, 0], [0, 0, 0]]))


def test_rows_are_the_true_classes_in_the_order_shown_and_precision_is_last():
    table = matrix_table(ONE, [1, 0, 2], name="street")
    assert table.title == "confusion, street, images" and "epoch 4" in table.legend[0]
    assert [column.head for column in table.columns] == ["truth", "b", "a", "c", "recall, %"]
    assert table.rows == (
        ("b", "9", "1", "0", "90.0"), ("a", "2", "8", "0", "80.0"), ("c", "0", "0", "0", "-"),
        ("precision", "81.8", "88.9", "-", "85.00"),
    )  # fmt: skip


def test_percent_is_of_the_true_class():
    assert matrix_table(ONE, [0, 1, 2], as_percent=True).rows[0] == ("a", "80.0", "20.0", "0.0", "80.0")


def test_mistakes_are_listed_by_class_and_by_pair():
    assert lost_table(ONE, [0, 1, 2]).rows == (("a", "2", "1"), ("b", "1", "2"), ("c", "0", "0"))
    assert frequent_table(ONE).rows == (("a", "b", "2", "20.0"), ("b", "a", "1", "10.0"))
    assert frequent_table(ONE, 1).rows == (("a", "b", "2", "20.0"),)
