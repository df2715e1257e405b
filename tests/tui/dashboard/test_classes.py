"""Accuracy per class, against the test before and against a baseline."""

import math

import pytest

from tests.tui.dashboard.reading import view_of
from tests.tui.demo import CLASSES, Demo, write_run
from tui.dashboard.classes import class_names, class_rows, evaluated_by_class


def test_classes_are_compared_with_the_epoch_before_and_with_the_baseline_at_the_same_epoch(root):
    view = view_of(write_run(root, Demo(epochs_done=5)))
    base = view_of(write_run(root, Demo(epochs_done=9, seed=1, shift=0.01)))
    rows = class_rows(view, base)
    last, before = view.history.epochs[-1], view.history.epochs[-2]
    assert rows[3].name == "cat"
    assert rows[3].change == pytest.approx(last.per_class[3] - before.per_class[3])
    assert rows[3].against == pytest.approx(last.per_class[3] - base.history.epochs[4].per_class[3])
    assert math.isnan(class_rows(view, view)[0].against), "a run is not compared with itself"


def test_before_the_first_test_there_are_no_rows_but_names(root):
    view = view_of(write_run(root, Demo(epochs_done=0)))
    assert class_rows(view) == [] and evaluated_by_class(view.history) == []
    assert class_names(view.history) == CLASSES


def test_classes_without_names_are_numbered(root):
    view = view_of(write_run(root, Demo(epochs_done=2)))
    view.history.course.started = None
    assert class_names(view.history) == [f"class {i}" for i in range(10)] == [row.name for row in class_rows(view)]
