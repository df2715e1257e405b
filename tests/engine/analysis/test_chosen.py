"""Which runs count in the mean of a recipe."""

import pytest

from engine.analysis.chosen import by_recipe, counts
from engine.contract.run.summary import Summary


def run(seed, accuracy=0.9, *, status="finished", recipe="r", created=1.0, best=None, **fields):
    return Summary(
        id=f"20260101-000000-{seed:04d}", seed=seed, last_accuracy=accuracy, best_accuracy=best or accuracy,
        status=status, recipe_id=recipe, created=created, preset="resnet34", **fields,
    )  # fmt: skip


def test_finished_runs_count_once_per_seed_and_the_newest_of_a_seed():
    rows = [run(1, 0.7), run(0, 0.5, created=1.0), run(0, 0.6, created=2.0), run(2, 0.9, status="running")]
    (found,) = by_recipe(rows)
    assert found.by_seed == {0: 0.6, 1: 0.7}
    assert (found.last.mean, found.last.n) == (pytest.approx(0.65), 2)
    assert (found.unfinished, found.repeated) == (1, "seed 0 is listed twice and counts once")


def test_recipes_keep_the_order_of_their_first_runs():
    found = by_recipe([run(0, recipe="b", changes="lr .2"), run(0, recipe="a"), run(1, recipe="b"), run(0, recipe="")])
    assert [(one.recipe_id, one.name, one.changes, len(one.runs)) for one in found] == [
        ("b", "resnet34", "lr .2", 2), ("a", "resnet34", "", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["running", "failed", "stopped", "lost"])
def test_unfinished_runs_do_not_count(status):
    assert not counts(run(0, status=status)) and counts(run(0))
    assert not counts(run(0, None))


def test_the_best_epoch_says_what_it_was_picked_on():
    (found,) = by_recipe([run(0, best=0.95), run(1, best=0.97, best_on="holdout")])
    assert (found.best.mean, found.best_on) == (pytest.approx(0.96), "test")
    (found,) = by_recipe([run(0, best=0.95, best_on="holdout")])
    assert found.best_on == "holdout"


def test_a_run_that_is_left_out_counts_nowhere_and_the_recipe_says_why():
    rows = [
        run(0, 0.5),
        run(1, 0.7),
        run(2, 0.1, excluded="wrong crop"),
        run(3, status="failed", excluded="wrong crop"),
    ]
    (found,) = by_recipe(rows)
    assert (found.last.n, found.last.mean, found.unfinished) == (2, pytest.approx(0.6), 0)
    assert found.left_out == "2 left out: wrong crop" and not counts(rows[2])
