"""The tables of recipes and of runs that are exported."""

import math

from engine.analysis.chosen import by_recipe
from engine.contract.run.summary import Summary
from tui.drawing.export_tables import recipe_data, recipe_table, runs_table
from tui.drawing.typeset import text


def run(seed, accuracy=0.9, recipe="a" * 64, **fields):
    facts = {"status": "finished", "best_accuracy": 0.95, "preset": "resnet34", "epoch": 3, "epochs": 3} | fields
    return Summary(id=f"20260101-000000-{seed:04d}", seed=seed, last_accuracy=accuracy, recipe_id=recipe, **facts)


def test_a_recipe_is_one_row_with_mean_spread_and_n():
    runs = [run(0, 0.961), run(1, 0.962), run(2, 0.963), run(3, status="running"), run(2, 0.964, created=2.0)]
    table = recipe_table(by_recipe(runs))
    assert table.rows == (("resnet34", "-", "96.23 ± .15 sd (n = 3)", "95.85 .. 96.61", "95.00*", "0 1 2"),)
    assert "not counted: 1 unfinished" in table.legend
    assert any("seed 2 is listed twice" in line for line in table.legend)
    assert "96.23 ± .15 sd (n = 3)" in text(table, 120)


def test_one_seed_has_no_spread_and_no_run_no_mean():
    one, none = recipe_table(by_recipe([run(0), run(0, recipe="b" * 64, status="failed")])).rows
    assert one[2:5] == ("90.00 (n = 1)", "-", "95.00*")
    assert none[2:] == ("-", "-", "-", "-")


def test_data_keeps_full_precision():
    (group,) = by_recipe([run(0, 0.961234), run(1, 0.962345)])
    found = recipe_data(group)
    assert (found["n"], found["seeds"], found["best_on"]) == (2, [0, 1], "test")
    assert found["last_mean"] == (0.961234 + 0.962345) / 2
    (group,) = by_recipe([run(0)])
    assert math.isnan(recipe_data(group)["last_low"])


def test_runs_have_a_row_each_and_a_star_for_what_was_picked_on_test():
    table = runs_table([run(0), run(1, None, best_accuracy=None, status="failed")])
    assert [row[-4:] for row in table.rows] == [("90.00", "95.00*", "0.0 s", "finished"), ("-", "-", "0.0 s", "failed")]
    assert table.legend
    assert runs_table([run(0, best_on="holdout")]).legend == ()
