"""When a figure may be compared with the one its preset reports, and what is then said."""

import math
from dataclasses import replace

import pytest

from engine.analysis.like_for_like import Measured, like_for_like
from engine.analysis.stats import spread
from engine.contract.recipe.schema import Promise

REPORTED = Promise(accuracy=0.9647, selection="last", source="a paper")
RUN = Measured(last=0.9626, best=0.9651, best_on="test", test_images=10_000, train_images=50_000)
NONE = spread(())


def test_a_single_run_is_within_what_one_run_can_tell_or_outside_of_it():
    near = like_for_like(REPORTED, RUN, NONE, NONE)
    assert (near.outcome, near.words, near.n) == ("within", "within what one run can tell", 1)
    assert near.difference == pytest.approx(-0.0021)
    far = like_for_like(REPORTED, replace(RUN, last=0.9607), NONE, NONE)
    assert (far.outcome, far.words) == ("below", "below by 0.40")
    assert like_for_like(REPORTED, replace(RUN, last=0.97), NONE, NONE).words == "above by 0.53"


def test_the_best_epoch_is_compared_with_a_figure_that_was_picked_alike():
    picked = REPORTED.model_copy(update={"selection": "best_on_test"})
    assert like_for_like(picked, RUN, NONE, NONE).measured == 0.9651
    other = like_for_like(picked, replace(RUN, best_on="holdout"), NONE, NONE)
    assert other.outcome == "not alike" and "this run picked its epoch on holdout" in other.words
    assert math.isnan(other.difference)
    once = like_for_like(picked, replace(RUN, best_on=""), NONE, NONE)
    assert "was tested only at its end" in once.words


def test_other_training_images_and_changed_recipes_are_not_alike():
    fewer = like_for_like(REPORTED, replace(RUN, train_images=45_000, holdout_images=5_000), NONE, NONE)
    assert fewer.words == "not like for like: 45,000 training images here, 50,000 there"
    assert "changed" in like_for_like(REPORTED, replace(RUN, unchanged=False), NONE, NONE).words
    unknown = REPORTED.model_copy(update={"selection": "unknown"})
    assert "does not say which epoch" in like_for_like(unknown, RUN, NONE, NONE).words


def test_reproduced_takes_three_seeds_and_the_interval_of_one_new_run():
    seeds = spread((0.9626, 0.9640, 0.9652))  # sd .0013: t(2) = 4.303 of 1.155 sd is .0065
    found = like_for_like(REPORTED, RUN, seeds, NONE)
    assert (found.outcome, found.words, found.n) == ("reproduced", "reproduced (n = 3)", 3)
    close = spread((0.9626, 0.9627, 0.9628))  # within .0005 of .9627
    assert like_for_like(REPORTED, RUN, close, NONE).words == "below by 0.20"
    assert like_for_like(REPORTED, RUN, spread((0.9626, 0.9640)), NONE).outcome == "within"


def test_nothing_is_said_without_a_figure_on_both_sides():
    assert like_for_like(None, RUN, NONE, NONE) is None
    assert like_for_like(REPORTED, replace(RUN, last=math.nan), NONE, NONE) is None
    assert like_for_like(REPORTED.model_copy(update={"runs": 0}), RUN, NONE, NONE) is None
