"""Accuracy per class: what a row says, where bars begin, and which classes are left out."""

import math

import numpy as np
import pytest

from tests.tui.reading import fits, text_of
from tui.drawing.per_class import ClassRow, bar_floor, per_class, worst_confusion


def rows(n=10, worst=3):
    return [ClassRow(f"class {i}", 0.95 - (0.11 if i == worst else 0.001 * i), 0.002, -0.005) for i in range(n)]


def test_every_class_has_a_number_a_bar_and_its_change():
    lines = per_class(rows(), "", 29, 11)
    assert text_of(lines).splitlines()[0] == "━ per class % ───── Δ epoch ─"
    assert text_of(lines).splitlines()[4] == "class 3    84.0 ━━━╸━━━  +0.2"
    assert len(lines) == 11 and fits(lines, 29, 11)


def test_the_wide_pane_explains_its_bars():
    lines = per_class(rows(), "cat: 6.1 % as dog", 59, 12)
    text = text_of(lines)
    assert text.splitlines()[1].split() == ["class", "0", "━" * 16 + "│━━━", "95.0", "+0.2", "-0.5"]
    assert text.splitlines()[-1] == "bars 70 to 100   │ base   worst cat: 6.1 % as dog"
    assert [line[0][1] for line in lines[1:11]] == ["strong" if i == 3 else "" for i in range(10)]


@pytest.mark.parametrize("against", [-0.005, math.nan])
def test_the_wide_pane_has_a_column_for_the_baseline_where_there_is_one(against):
    lines = per_class([ClassRow("cat", 0.95, 0.002, against)], "", 59, 12)
    assert fits(lines, 59, 12)
    head, row = text_of(lines).splitlines()[:2]
    assert ("Δ base" in head) == (not math.isnan(against))
    ends = [head.index(title) + len(title) for title in ("last", "Δ epoch", "Δ base") if title in head]
    values = [value for value in ("95.0", "+0.2", "-0.5") if value in row]
    assert [row.index(value) + len(value) for value in values] == ends


@pytest.mark.parametrize("width", [42, 44, 46, 47, 52, 60])
def test_a_wide_pane_always_has_its_column_heads_and_names_the_worst_class(width):
    lines = per_class(rows(), "cat: 6.1 % as dog", width, 12)
    assert fits(lines, width, 12)
    assert "last   Δ epoch   Δ base" in text_of(lines[:1]) and "worst cat: 6.1 % as dog" in text_of(lines[-1:])


def test_of_a_hundred_classes_the_ten_worst_are_shown():
    text = text_of(per_class([ClassRow(f"c{i:02}", 0.5 + i / 250) for i in range(100)], "", 29, 11))
    assert "worst 10/100" in text
    assert [line.split()[0] for line in text.splitlines()[1:]] == [f"c{i:02}" for i in range(10)]


def test_bars_begin_low_enough_for_the_worst_class():
    assert bar_floor([ClassRow("a", 0.99), ClassRow("b", 0.95)]) == 0.9
    assert bar_floor(rows()) == 0.7
    assert bar_floor([ClassRow("a", 0.1)]) == 0.0


def test_before_the_first_test_the_pane_says_so():
    assert "no test yet" in text_of(per_class([], "", 29, 11))


def test_the_worst_confusion_names_both_classes():
    matrix = np.diag([90, 80])
    matrix[1, 0], matrix[0, 1] = 20, 10
    assert worst_confusion(matrix.ravel().tolist(), ["dog", "cat"]) == "cat: 20.0 % as dog"
    assert worst_confusion([1, 2, 3], ["dog", "cat"]) == ""
    assert worst_confusion([5, 0, 0, 5], ["dog", "cat"]) == ""


def test_the_caller_says_what_stands_in_place_of_rows():
    assert "tested at the end" in text_of(per_class([], "", 29, 11, empty="tested at the end"))
