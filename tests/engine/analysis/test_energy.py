"""Energy from samples of power."""

import math

import numpy as np
import pytest
from scipy.integrate import trapezoid

from engine.analysis.energy import energy, joules
from engine.contract.run.events import System
from tests.engine.analysis.histories import say


def test_it_is_the_trapezoid_rule():
    t, watts = np.arange(0, 20, 2.0), np.random.default_rng(0).random(10) * 300
    assert joules(t, watts) == pytest.approx(trapezoid(watts, t))


def test_a_pause_costs_nothing_and_samples_without_power_are_bridged():
    assert joules(np.array([0, 2, 4, 1000, 1002.0]), np.full(5, 100.0)) == pytest.approx(600)
    assert joules(np.array([0, 2, 4.0]), np.array([100, math.nan, 100])) == pytest.approx(400)
    assert math.isnan(joules(np.array([0, 2.0]), np.array([100, math.nan])))


def test_the_energy_of_a_run_is_that_of_all_its_gpus(path):
    for second in range(0, 21, 2):
        gpus = [{"index": 0, "power": 300.0}, {"index": 1, "power": 60.0}, {"index": 2}]
        say(path, System(t=1e9 + second, gpus=gpus))
    assert energy(path) == pytest.approx(360 * 20 / 3.6e6)


def test_the_gpus_of_several_nodes_have_the_same_indices_and_all_count(path):
    for second in range(0, 21, 2):
        gpus = [{"node": node, "host": f"n{node}", "index": 0, "power": 100.0 + 50 * node} for node in (0, 1)]
        say(path, System(t=1e9 + second, gpus=gpus if second < 16 else gpus[:1]))
    assert energy(path) == pytest.approx((100 * 20 + 150 * 14) / 3.6e6)


def test_a_run_that_was_begun_by_an_older_version_is_one_gpu(path):
    """Its samples have no node."""
    for second in range(0, 21, 2):
        say(path, System(t=1e9 + second, gpus=[{"index": 0, "power": 100.0} | ({"node": 0} if second > 10 else {})]))
    assert energy(path) == pytest.approx(100 * 20 / 3.6e6)


def test_what_is_no_power_is_left_out(path):
    say(path, *(System(t=1e9 + second, gpus=[{"index": 0, "power": 100.0}]) for second in (0, 2, 4)))
    with path.open("a") as file:
        for gpus in ('"power"', '[{"index": "0", "power": 1}, 7]', '[{"index": 0, "power": "much"}]'):
            file.write('{"event": "system", "t": 1000000006.0, "gpus": ' + gpus + "}\n")
    assert energy(path) == pytest.approx(100 * 4 / 3.6e6)


def test_a_sample_that_is_read_twice_counts_once(path):
    for second in (0, 2, 4, 2, 4):
        say(path, System(t=1e9 + second, gpus=[{"index": 0, "power": 100.0}]))
    assert energy(path) == pytest.approx(100 * 4 / 3.6e6)


def test_without_a_sampled_power_it_is_unknown(path):
    say(path, System(t=1e9, gpus=[]), System(t=1e9 + 2, gpus=[{"index": 0}]), System(t=1e9 + 4, gpus=[{"index": 0}]))
    assert math.isnan(energy(path))
