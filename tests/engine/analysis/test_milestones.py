"""The first epoch from which on a run stays at an accuracy, and the seconds up to it."""

import math

import numpy as np
import pytest
from scipy.signal import medfilt

from engine.analysis.milestones import first_to_stay, median_of_three, milestones
from engine.contract.run.events import Epoch


def run(*accuracies, seconds=10.0):
    return [
        Epoch(number, test_accuracy=accuracy, seconds={"train": seconds - 1, "evaluate": 1.0} if seconds else {})
        for number, accuracy in enumerate(accuracies, 1)
    ]


def reached(epochs, target):
    (found,) = milestones(epochs, (target,))
    return found.epoch


def test_one_lucky_epoch_does_not_count():
    assert reached(run(0.5, 0.96, 0.5, 0.7, 0.95, 0.96, 0.97), 0.95) == 5


def test_one_bad_epoch_undoes_nothing_and_two_do():
    assert reached(run(0.5, 0.95, 0.96, 0.5, 0.96, 0.97, 0.96), 0.95) == 2
    assert reached(run(0.5, 0.95, 0.96, 0.5, 0.5, 0.97, 0.96), 0.95) == 6


def test_a_run_that_does_not_stay_there_has_not_reached_it():
    found = milestones(run(0.95, 0.96, 0.96, 0.9), (0.95, 0.99))
    assert [(one.target, one.epoch) for one in found] == [(0.95, 0), (0.99, 0)]
    assert all(math.isnan(one.seconds) for one in found)


def test_the_seconds_are_those_of_the_epochs_up_to_it():
    (found,) = milestones(run(0.5, 0.6, 0.95, 0.96, 0.97), (0.95,))
    assert (found.epoch, found.seconds) == (3, 30.0)
    (unmeasured,) = milestones(run(0.5, 0.6, 0.95, 0.96, 0.97, seconds=0), (0.95,))
    assert unmeasured.epoch == 3 and math.isnan(unmeasured.seconds)


def test_epochs_without_a_test_cost_time_but_have_no_accuracy():
    nan = math.nan
    (found,) = milestones(run(nan, 0.5, nan, 0.95, nan, 0.96, nan, 0.97), (0.95,))
    assert (found.epoch, found.seconds) == (4, 40.0)
    assert milestones([], (0.95,))[0].epoch == milestones(run(nan, nan), (0.95,))[0].epoch == 0


@pytest.mark.parametrize("size", [1, 2, 3, 20])
def test_the_median_of_three_is_scipys(size):
    values = np.random.default_rng(size).random(size)
    found = median_of_three(values)
    assert size < 3 or found[1:-1] == pytest.approx(medfilt(values, 3)[1:-1])
    assert (found[0], found[-1]) == (values[0], values[-1])


def test_where_a_row_of_values_stays():
    assert first_to_stay(np.array([0.9, 0.9]), 0.9) == 0
    assert first_to_stay(np.array([0.9, 0.8]), 0.9) == -1
