"""Figures on further test sets against formulas written out."""

import math

import numpy as np
import pytest

from engine.analysis.further import averaged, by_severity, extra, interval, mean_of, to_json
from engine.analysis.stats import wilson
from engine.contract.run.predicted import Predicted


def row(name, values, standard=True):
    return {"name": name, "standard": standard, "accuracy": list(values), "tta_accuracy": []}


ROWS = [row("fog", [0.9, 0.8, 0.7, 0.6, 0.5]), row("snow", [0.5] * 5), row("spatter", [0.2] * 5, standard=False)]
CORRUPTED = Predicted(name="c", layout="corruptions", images=15 * 100, accuracy=0.6, sd=0.3, corruptions=ROWS)


def test_a_plain_set_has_the_interval_of_a_proportion():
    assert interval(Predicted(name="a", images=2000, accuracy=0.864)) == wilson(0.864, 2000)
    assert interval(Predicted(name="a", images=2000)) is None


def test_a_corruption_set_has_the_interval_of_a_mean_over_its_original_images():
    found = interval(CORRUPTED)
    assert (found.low, found.high) == pytest.approx((0.6 - 1.959964 * 0.03, 0.6 + 1.959964 * 0.03))
    assert found.half < wilson(0.6, 100).half  # that of the images alone, since a share varies less than a hit
    assert found.half > wilson(0.6, 1500).half  # all versions as if they were independent


def test_standard_corruptions_are_averaged_and_the_others_apart():
    assert [one["name"] for one in averaged(CORRUPTED)] == ["fog", "snow"]
    assert [one["name"] for one in extra(CORRUPTED)] == ["spatter"]
    assert by_severity(averaged(CORRUPTED)) == pytest.approx([0.7, 0.65, 0.6, 0.55, 0.5])
    assert mean_of(averaged(CORRUPTED)) == pytest.approx(np.mean([[0.9, 0.8, 0.7, 0.6, 0.5], [0.5] * 5]))
    assert math.isnan(mean_of([])) and by_severity([]) == []
    alone = Predicted(name="c", images=500, corruptions=ROWS[2:])
    assert averaged(alone) == ROWS[2:] and extra(alone) == []


def test_the_json_says_what_was_averaged():
    told = to_json(CORRUPTED)
    assert told["averaged"] == ["fog", "snow"] and told["mean_error"] == pytest.approx(0.4)
    assert told["extra_accuracy"] == pytest.approx(0.2) and told["corruptions"][0]["mean"] == pytest.approx(0.7)
    plain = to_json(Predicted(name="a", images=10, accuracy=0.5))
    assert plain["mean_error"] is None and plain["extra_accuracy"] is None and plain["by_severity"] == []
