"""Runs against each other: differences of recipes, standings at the same epoch, groups of seeds."""

import math

import numpy as np
import pytest

from engine.analysis.compare import Standing, difference_at, differences, flatten, groups, spread_at, table
from engine.contract.catalog import catalog
from presets.loader import Edits, resolve

NAN = math.nan


def run(name, accuracies, *, recipe="r", seed=0, epochs=None, start=1, images=10_000):
    epoch = np.arange(start, start + len(accuracies), dtype=float)
    planned = len(accuracies) if epochs is None else epochs
    return Standing(name, "preset", recipe, seed, planned, epoch, np.array(accuracies), test_images=images)


def test_only_differing_fields_are_told_each_with_all_values():
    base = resolve("resnet34_cutmix", catalog()).to_table()
    other = resolve("resnet34_cutmix", catalog(), Edits(sets=("optimizer.lr=0.01", "batch_size=64"))).to_table()
    found = {difference.field: difference.values for difference in differences([base, other, base])}
    assert found == {"batch_size": ("128", "64", "128"), "optimizer.lr": ("0.005", "0.01", "0.005")}


def test_titles_and_promises_do_not_count():
    base = resolve("resnet34_cutmix", catalog()).to_table()
    assert differences([base, {**base, "title": "another", "description": "x", "promise": {}}]) == []


def test_options_of_a_part_that_others_lack_are_covered_by_the_part():
    base = resolve("resnet34_cutmix", catalog())
    other = resolve("resnet34_cutmix", catalog(), Edits(drop_ops=("color_jitter",)))
    fields = [difference.field for difference in differences([base.to_table(), other.to_table()])]
    assert fields == ["augmentation"]


def test_parts_in_a_list_are_addressed_by_name_and_repeated_ones_by_number():
    fields = flatten(
        {"augmentation": [{"name": "flip", "p": 0.5}, {"name": "flip", "p": 0.25}], "model": {"name": "m", "k": 2}}
    )
    assert fields == {
        "augmentation": "flip + flip", "augmentation.flip.p": "0.5", "augmentation.flip#2.p": "0.25", "model": "m", "model.k": "2",
    }  # fmt: skip


def test_runs_are_measured_at_the_last_epoch_that_both_have_tested():
    base = run("base", [0.5, 0.6, 0.7, 0.8])
    young = run("young", [0.55, 0.66, NAN])
    assert difference_at(young, base) == (pytest.approx(0.06), 2)
    row = table([young, base], "base")[0]
    assert (row.against, row.at_epoch) == (pytest.approx(0.06), 2)


def test_the_baseline_itself_and_runs_without_a_common_epoch_have_no_difference():
    base, later = run("base", [0.5, 0.6]), run("later", [0.9], start=5)
    rows = table([base, later], "base")
    assert math.isnan(rows[0].against) and math.isnan(rows[1].against)
    assert rows[1].at_epoch == 0


def test_last_and_best_skip_epochs_without_a_test():
    row = table([run("a", [0.5, 0.9, 0.7, NAN])])[0]
    assert (row.last, row.last_epoch, row.best, row.best_epoch) == (0.7, 3, 0.9, 2)
    assert row.interval is not None and row.interval.low < 0.7 < row.interval.high


def test_a_run_that_was_never_tested_has_a_row():
    row = table([run("a", [NAN, NAN])])[0]
    assert math.isnan(row.last) and row.interval is None and row.best_epoch == 0


def test_seeds_group_by_recipe_and_unfinished_runs_stay_out_of_the_mean():
    runs = [
        run("a", [0.5, 0.90], seed=2),
        run("b", [0.5, 0.92], seed=0),
        run("c", [0.99], seed=1, epochs=2),
        run("d", [0.1], recipe="x"),
    ]
    first, second = groups(table(runs))
    assert (first.recipe_id, first.seeds, first.unfinished) == ("r", (0, 2), 1)
    assert first.last.mean == pytest.approx(0.91) and first.last.sd == pytest.approx(np.std([0.9, 0.92], ddof=1))
    assert second.recipe_id == "x" and second.last.n == 1


def test_the_spread_of_seeds_is_taken_at_one_epoch():
    found = spread_at([run("a", [0.5, 0.9]), run("b", [0.7]), run("c", [0.6, 0.8])], 1)
    assert found.n == 3 and found.mean == pytest.approx(0.6)
    assert spread_at([run("a", [0.5])], 7).n == 0
