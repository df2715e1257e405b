"""The verdict on a sweep: curves whose steepest and lowest places are known, with noise and with explosions."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.lr_curve import EDGE, GUESSING, NONE, Watch, fold, smooth

RATES = np.geomspace(1e-7, 10.0, 100)
RECORDED = [json.loads(line) for line in Path(__file__).with_name("sweeps.jsonl").read_text().splitlines()]
"""Losses of sweeps that `engine.lr_find` made on two CPU cores, of recipes with a learning rate known to be good."""
GOOD = {"sgd": 0.2, "adam": 1e-3, "adamw": 1e-3}
"""By optimizer: that of both presets, and the papers' own."""
MIDDLE = 1e-2
"""Where the made-up loss falls fastest."""


def made_up(noise: float = 0.0, seed: int = 0, bang: float = 1.0) -> np.ndarray:
    """2.3 at small rates, a fall of 1 around MIDDLE, and an explosion from `bang` on."""
    rng = np.random.default_rng(seed)
    fall = 2.3 - 1.0 / (1.0 + np.exp(-2.0 * np.log(RATES / MIDDLE)))
    return fall + noise * rng.standard_normal(len(RATES)) + np.where(bang <= RATES, 10.0 * RATES / bang, 0.0)


def test_of_a_clean_curve_both_rates_are_where_they_must_be() -> None:
    curve = fold(RATES, made_up())
    explodes = RATES[RATES < 1.0][-1]
    assert curve.second == pytest.approx(MIDDLE, rel=0.25)
    assert curve.lowest == pytest.approx(explodes, rel=1e-9), "just before it explodes"
    assert curve.edge == curve.lowest and curve.suggestion == pytest.approx(explodes / 10, rel=0.05)
    assert curve.rule == EDGE


def test_a_loss_that_rises_slowly_is_low_until_a_fifth_of_its_fall_is_gone() -> None:
    """It falls from 2.3 to 1.3 around MIDDLE, and rises again by 1 around 3: a fifth of the way up at 1.5."""
    rise = 1.0 / (1.0 + np.exp(-2.0 * np.log(RATES / 3.0)))
    curve = fold(RATES, made_up(bang=math.inf) + rise)
    assert curve.edge == pytest.approx(1.5, rel=0.35) and curve.lowest < curve.edge


@pytest.mark.parametrize("seed", range(8))
def test_noise_of_single_batches_moves_the_suggestion_by_less_than_a_third_of_a_decade(seed: int) -> None:
    curve = fold(RATES, made_up(noise=0.06, seed=seed))
    assert abs(math.log10(curve.steepest / MIDDLE)) < 1 / 3
    assert 0.03 < curve.lowest < 1.0


def test_a_single_spike_after_which_the_loss_is_that_of_guessing_ends_the_curve() -> None:
    """What nets with batch norm do: no average of many steps would call it an explosion."""
    losses = made_up(noise=0.03, bang=math.inf)
    spike = int(np.searchsorted(RATES, 0.3))
    losses[spike:] = 2.3
    losses[spike] = 5.0
    curve = fold(RATES, losses)
    assert np.isnan(curve.smoothed[spike:]).all() and np.isfinite(curve.smoothed[:spike]).all()
    assert abs(math.log10(curve.steepest / MIDDLE)) < 1 / 3


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_where_the_loss_never_falls_nothing_is_suggested(noise: float) -> None:
    losses = 2.3 + noise * np.random.default_rng(0).standard_normal(len(RATES))
    curve = fold(RATES, losses)
    assert not curve.found and math.isnan(curve.suggestion) and math.isnan(curve.second)
    assert curve.rule == NONE


@pytest.mark.parametrize(("guessing", "found"), [(2.3, True), (1.3, False), (math.inf, True)])
def test_a_fall_that_ends_at_the_loss_of_guessing_suggests_nothing(guessing: float, found: bool) -> None:
    """From 2.3 to 1.3: learning with ten classes, where guessing is 2.3; unlearning a start where guessing is 1.3."""
    curve = fold(RATES, made_up(noise=0.03), guessing)
    assert curve.found == found
    assert curve.rule == (EDGE if found else GUESSING)


def test_losses_that_are_not_finite_and_sweeps_that_have_hardly_begun_are_no_obstacle() -> None:
    losses = made_up(bang=math.inf)
    losses[80:] = math.nan
    assert fold(RATES, losses).second == pytest.approx(MIDDLE, rel=0.25)
    for points in range(10):
        assert not fold(RATES[:points], losses[:points]).found
    assert not fold(RATES, np.full(100, math.inf)).found


def test_the_average_is_that_of_a_recursive_filter_run_both_ways_without_the_bias_of_its_start() -> None:
    from scipy.signal import lfilter  # takes half a second, which every worker would spend at the top of the file

    losses = made_up(noise=0.1)

    def one_way(values: np.ndarray) -> np.ndarray:
        mass = lfilter([0.2], [1, -0.8], np.ones_like(values))
        return lfilter([0.2], [1, -0.8], values) / mass

    np.testing.assert_allclose(smooth(losses), (one_way(losses) + one_way(losses[::-1])[::-1]) / 2, rtol=1e-12)


def test_a_sweep_ends_at_four_times_its_best_and_at_the_first_loss_that_is_not_finite() -> None:
    watch = Watch()
    assert [watch.ended(loss) for loss in (2.3, 2.0, 1.0, 2.0, 3.0)] == [""] * 5
    assert "times its minimum" in [watch.ended(20.0) for _ in range(3)][-1]
    assert Watch().ended(math.nan) == "the loss became nan"
    assert Watch().ended(math.inf) == "the loss became inf"


@pytest.mark.parametrize(
    "made", RECORDED, ids=lambda made: " ".join((made["preset"], *made["sets"], str(made["seed"])))
)
def test_every_recorded_sweep_finds_a_rate_not_far_from_the_one_that_trains_well(made: dict) -> None:
    rates = np.geomspace(made["low"], made["high"], made["steps"])[: len(made["losses"])]
    losses = [math.nan if loss is None else loss for loss in made["losses"]]
    curve = fold(rates.tolist(), losses, math.log(10))
    good = GOOD[made["sets"][0].partition("=")[2] if made["sets"] else "sgd"]
    assert curve.found, curve.rule
    assert good / 4 <= curve.suggestion <= 10 * good
    assert good / 30 <= curve.second <= 6 * good


def test_a_batch_whose_loss_jumps_and_comes_back_is_no_explosion() -> None:
    """What nets with batch norm do as well, halfway down: the fall goes on behind it."""
    losses = made_up(noise=0.03, bang=math.inf)
    spike = int(np.searchsorted(RATES, 3e-3))
    losses[spike : spike + 2] = 4.0
    curve = fold(RATES, losses)
    assert np.isfinite(curve.smoothed).all() and max(curve.smoothed) < 2.5
    assert abs(math.log10(curve.steepest / MIDDLE)) < 1 / 3


def test_unlearning_the_start_is_not_the_steepest_fall() -> None:
    """A fresh net falls from 7.3 to 2.3 at rates that say nothing, then learns around MIDDLE, less steeply."""
    start = np.where(RATES < 1e-5, 5.0 * (1.0 - np.log(RATES / 1e-7) / np.log(100.0)), 0.0)
    losses = made_up(noise=0.02, bang=math.inf) + start
    assert fold(RATES, losses).steepest < 1e-4
    assert abs(math.log10(fold(RATES, losses, guessing=2.3).steepest / MIDDLE)) < 1 / 2


def test_a_longer_sweep_averages_over_the_same_part_of_it() -> None:
    """White noise keeps less of itself in an average of more points: by the square root of their ratio."""
    rng = np.random.default_rng(0)
    left = [float(np.std([smooth(rng.standard_normal(n))[n // 2] for _ in range(400)])) for n in (200, 1800)]
    assert left[0] / left[1] == pytest.approx(3.0, rel=0.2)
