"""The figures of a suite's row: marks and dashes in text, full precision in data."""

import math

import pytest

from engine.contract.run.store import summarize
from tests.tui.drawing.suite_example import RECIPE, SUITE, lines
from tui.drawing.suite_figures import (
    FIGURES,
    both_texts,
    flatten,
    mean_and_sd,
    measured_accuracy,
    reported_accuracy,
    reported_text,
    row_data,
)
from tui.drawing.suite_table import measured_table


@pytest.fixture
def runs(ended_run):
    return [
        summarize(ended_run(RECIPE, seed, curve, device_name="a card"))
        for seed, curve in enumerate([(0.5, 0.97, 0.96), (0.5, 0.96, 0.95)])
    ]


@pytest.mark.parametrize(
    ("row", "written"), list(zip(SUITE.rows, ("96.19*", "95.00±0.12", "50.00?", "-"), strict=True))
)
def test_a_reported_accuracy_has_its_spread_and_the_mark_of_its_selection(row, written):
    assert reported_accuracy(row) == written == reported_text(row, FIGURES[0])


def test_a_figure_that_one_side_lacks_is_a_dash(runs):
    loss = next(figure for figure in FIGURES if figure.field == "test_loss")
    measured, missing = lines(runs), lines([])
    assert both_texts(SUITE.rows[0], measured[0], loss) == "0.158 / 0.035"
    assert both_texts(SUITE.rows[0], missing[0], loss) == "0.158 / -"
    assert both_texts(SUITE.rows[1], missing[1], loss) == "-"


def test_a_single_run_has_no_standard_deviation():
    assert mean_and_sd(0.955, 0.0071, "*") == "95.50±0.71*"
    assert mean_and_sd(0.955, math.nan) == "95.50"
    assert mean_and_sd(math.nan, math.nan) == "-"


def test_data_holds_every_figure_with_full_precision(runs):
    data = row_data(SUITE.rows[0], lines(runs)[0], RECIPE.recipe_id, "-")
    assert data["reported"]["test_accuracy"] == 0.9619 and data["reported"]["device"] is None
    assert data["measured"]["test_accuracy"] == pytest.approx(0.965) and data["measured"]["seeds"] == [0, 1]
    assert data["last"]["test_accuracy"] == pytest.approx(0.955)
    assert data["difference"] == pytest.approx(0.965 - 0.9619)
    row = flatten(data)
    assert row["reported_test_accuracy"] == 0.9619 and row["measured_seeds"] == "0 1"
    assert row["measured_low"] < 0.965 < row["measured_high"]
    assert not any(isinstance(value, float) and math.isnan(value) for value in row.values())
    assert list(flatten(row_data(SUITE.rows[3], lines([])[3], "x", "-"))) == list(row), "every row has the same columns"


def test_a_run_tested_only_at_its_end_has_no_best_figure(ended_run):
    once = summarize(ended_run(RECIPE, 0, (math.nan, math.nan, 0.8), best_on=""))
    measured = lines([once])
    data = row_data(SUITE.rows[0], measured[0], RECIPE.recipe_id, "-")
    assert math.isnan(data["best_on_test"]["test_accuracy"]) and math.isnan(data["best_on_holdout"]["test_accuracy"])
    assert data["last"]["test_accuracy"] == 0.8 and data["measured"]["interval"] is None
    assert (measured_accuracy(measured[0]), measured_accuracy(measured[1])) == ("-", "80.00")
    table = measured_table(SUITE, SUITE.rows, measured, "")
    assert sum("tested only at their end" in line for line in table.legend) == 1
