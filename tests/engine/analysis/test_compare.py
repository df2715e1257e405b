"""Runs against each other: differences of recipes, standings at the same epoch, groups of seeds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.compare import Standing, difference_at, differences, fields, groups, spread_at, table
from engine.contract.recipe.catalog import catalog
from presets.loader import Edits
from presets.references import recipe_of

NAN = math.nan


def run(name, accuracies, *, recipe="r", seed=0, epochs=None, start=1, images=10_000):
    epoch = np.arange(start, start + len(accuracies), dtype=float)
    planned = len(accuracies) if epochs is None else epochs
    return Standing(name, "preset", recipe, seed, planned, epoch, np.array(accuracies), test_images=images)


def recipe(*sets, **edits):
    return recipe_of("resnet34_cutmix", catalog(), Edits(sets=sets, **edits))


def test_only_differing_fields_are_told_each_with_all_values():
    found = differences([recipe(), recipe("optimizer.lr=0.01", "batch_size=64"), recipe()])
    assert {difference.field: difference.values for difference in found} == {
        "batch_size": ("128", "64", "128"),
        "optimizer.lr": ("0.005", "0.01", "0.005"),
    }


def test_parameter_groups_are_told_as_they_are_typed():
    (found,) = differences([recipe(), recipe('optimizer.groups=[{match="*.bias", lr=64}]')])
    assert found.values == ("none", '{match = "*.bias", lr = 64.0}')


def test_titles_and_promises_do_not_count():
    base = recipe()
    assert differences([base, base.model_copy(update={"title": "another", "description": "x", "promise": None})]) == []


def test_options_of_a_part_that_others_lack_are_covered_by_the_part():
    assert [one.field for one in differences([recipe(), recipe(drop_ops=("color_jitter",))])] == ["augmentation"]
    against_adam = [one.field for one in differences([recipe(), recipe_of("resnet34_adam", catalog())])]
    assert "optimizer" in against_adam and "optimizer.momentum" not in against_adam


@pytest.mark.parametrize(
    ("path", "value"),
    [("epochs", "7"), ("optimizer.lr", "0.25"), ("data.fraction", "0.5"), ("augmentation.color_jitter.hue", "0.25"),
     ("evaluate.every", "3"), ("compute.deterministic", "yes")],
)  # fmt: skip
def test_every_field_is_named_as_set_takes_it(path, value):
    changed = recipe(f"{path}={'true' if value == 'yes' else value}")
    assert [(one.field, one.values[1]) for one in differences([recipe(), changed])] == [(path, value)]
    assert fields(changed)[path] == value


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


def test_each_seed_counts_once_the_newest_run_of_it_and_is_named():
    runs = [
        run("20260101-000000-aaaa", [0.5, 0.90], seed=0),
        run("20260102-000000-bbbb", [0.5, 0.94], seed=0),
        run("20260103-000000-cccc", [0.5, 0.92], seed=3),
    ]
    (found,) = groups(table(runs))
    assert (found.seeds, found.last.n, found.repeated) == ((0, 3), 2, "seed 0 is listed twice and counts once")
    assert found.last.mean == pytest.approx(0.93) and found.last.sd == pytest.approx(np.std([0.94, 0.92], ddof=1))
    (again,) = groups(table([runs[0]] * 3))  # one run in three folders
    assert again.last.n == again.best.n == 1 and math.isnan(again.last.sd)
    assert again.repeated == "seed 0 is listed 3 times and counts once"


def test_two_finished_runs_are_measured_at_their_ends():
    short, long = run("short", [0.5, 0.9]), run("long", [0.5, 0.6, 0.7, 0.95])
    row = table([long, short], "short")[0]
    assert (row.against, row.at_epoch, row.base_epoch, row.at) == (pytest.approx(0.05), 4, 2, "@ end")
    young = replace(long, epochs=9)
    row = table([young, short], "short")[0]
    assert (row.against, row.at) == (pytest.approx(-0.3), "@ 2"), "it is not at its end"
    row = table([long, short], "short", same_epoch=True)[0]
    assert (row.against, row.at) == (pytest.approx(-0.3), "@ 2")
    alike = table([run("other", [0.5, 0.8]), short], "short")[0]
    assert (alike.against, alike.at) == (pytest.approx(-0.1), "@ 2")
    assert table([short], "short")[0].at == ""


@pytest.mark.parametrize("other", [{"data": "cifar100"}, {"test_images": 5000}])
def test_runs_that_were_tested_on_other_images_have_no_difference(other):
    base = replace(run("base", [0.5, 0.6]), data="cifar10")
    row = table([replace(base, id="one", **other), base], "base")[0]
    assert math.isnan(row.against) and row.at == ""


def test_the_spread_of_seeds_is_taken_at_one_epoch():
    found = spread_at([run("a", [0.5, 0.9]), run("b", [0.7]), run("c", [0.6, 0.8])], 1)
    assert found.n == 3 and found.mean == pytest.approx(0.6)
    assert spread_at([run("a", [0.5])], 7).n == 0


def test_a_run_that_is_left_out_keeps_its_row_and_is_in_no_mean():
    runs = [run("a", [0.9, 0.92]), run("b", [0.9, 0.94], seed=1), run("c", [0.1, 0.2], seed=2)]
    runs[2] = replace(runs[2], excluded="wrong crop")
    rows = table(runs, "a")
    (group,) = groups(rows)
    assert [row.last for row in rows] == [0.92, 0.94, 0.2]
    assert (group.seeds, group.last.n, group.unfinished) == ((0, 1), 2, 0)
    assert group.last.mean == pytest.approx(0.93) and group.left_out == "1 left out: wrong crop"
