"""Medians, quartiles and ratios against the standard library, and how they are written."""

import json
import random
import statistics

import pytest

from bench.figures import Figure, cell, figure, number, plain, ratio


@pytest.mark.parametrize("count", [2, 3, 5, 9, 10])
def test_a_figure_is_the_median_between_the_quartiles(count):
    values = [random.Random(count).uniform(1, 100) for _ in range(count)]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    assert figure(values) == Figure(pytest.approx(statistics.median(values)), low, high, count)


def test_one_measurement_has_no_spread():
    assert figure([3.0]) == Figure(3.0, 3.0, 3.0, rounds=1)
    assert str(figure([3.0])) == "3"


def test_a_ratio_is_taken_round_by_round():
    ours, theirs = [10.0, 40.0, 60.0], [10.0, 20.0, 20.0]
    assert ratio(ours, theirs) == figure([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="shorter"):
        ratio(ours, theirs[:2])


@pytest.mark.parametrize(
    ("value", "text"), [(0.97345, "0.973"), (12.0, "12"), (1234.5, "1,234"), (-2500.0, "-2,500"), (0.0, "0")]
)
def test_numbers_have_three_significant_digits(value, text):
    assert number(value) == cell(value) == text


def test_a_cell_shows_the_quartiles_and_leaves_other_values_alone():
    assert cell(Figure(1.0, 0.95, 1.054, 9)) == "1 (0.95-1.05)"
    assert [cell("bf16"), cell(128)] == ["bf16", "128"]


def test_json_knows_no_nan():
    row = {"measured": figure([1.0, 2.0]), "bar": float("nan"), "unit": "s", "batch": 32}
    text = json.dumps({key: plain(value) for key, value in row.items()}, allow_nan=False)
    assert json.loads(text) == {
        "measured": {"median": 1.5, "low": 1.25, "high": 1.75, "rounds": 2},
        "bar": None,
        "unit": "s",
        "batch": 32,
    }
