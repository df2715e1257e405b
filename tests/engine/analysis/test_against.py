"""When a difference to the baseline is worth a color, and which seeds it is measured by."""

from dataclasses import replace

import pytest

from engine.analysis.against import seeds_of
from engine.contract.run.summary import Summary


def run(name, seed, last, **facts):
    return Summary(id=name, recipe_id="a", seed=seed, last_accuracy=last, status="finished", **facts)


def test_the_seeds_of_a_recipe_are_its_finished_runs_that_count():
    runs = [
        run("1", 0, 0.9),
        run("2", 1, 0.92),
        run("3", 2, 0.1, excluded="wrong crop"),
        run("4", 1, 0.94, created=1.0),
    ]
    runs += [replace(runs[0], recipe_id="b"), replace(runs[0], seed=5, status="failed")]
    found = seeds_of("a", runs)
    assert found.n == 2 and found.mean == pytest.approx(0.92), "the newest run of seed 1"
    assert seeds_of("c", runs).n == 0
