"""Two runs image by image."""

import numpy as np
import pytest

from engine.analysis.disagree import disagreement
from engine.analysis.judged_images import JudgedImages
from engine.analysis.pairing import Answers, Unpaired

LABELS = np.array([0, 1, 2, 0, 1])


def judged(run, predicted, sure, data="d", index=(0, 1, 2, 3, 4)):
    taken = np.array(predicted)
    probabilities = np.full((len(taken), 3), 0.0)
    probabilities[:] = ((1 - np.array(sure)) / 2)[:, None]
    probabilities[np.arange(len(taken)), taken] = sure
    answers = Answers(run, LABELS[list(index)], taken, np.array(index), ("a", "b", "c"), data, "raw", 1)
    return JudgedImages(answers, probabilities)


ONE = judged("one", [0, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])
TWO = judged("two", [0, 2, 0, 0, 2], [0.9, 0.95, 0.7, 0.99, 0.5])


def test_the_four_cells_the_order_and_the_shares():
    found = disagreement(ONE, TWO, [])
    counts = found.pair.counts
    assert (counts.both, counts.won, counts.lost, counts.neither) == (1, 1, 1, 2)
    assert found.wrong_alike == 1 and found.accuracies == (0.4, 0.4)
    assert found.places == ((3, 3), (1, 1))
    assert found.churn.share == pytest.approx(0.6) and found.churn.pairs == 0
    data = found.to_json(ONE)
    assert (data["other"], data["count"], data["both_right"], data["wrong_alike"]) == ("two", 2, 1, 1)
    assert data["disagree"][0]["index"] == 3 and data["disagree"][0]["truth"] == "a"
    assert data["by_class"][1] == {"class": "b", "only_run": 1, "only_other": 0}


def test_only_the_images_that_both_have_are_compared():
    found = disagreement(ONE, judged("six", [2, 0, 0], [0.9, 0.9, 0.9], index=(1, 2, 3)), [])
    assert found.pair.counts.images == 3
    assert set(found.places) == {(1, 0), (3, 2)}


def test_runs_on_other_data_are_not_paired():
    assert isinstance(disagreement(ONE, judged("two", [0] * 5, [0.9] * 5, data="e"), []), Unpaired)
