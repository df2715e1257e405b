"""Comparisons as tables, and what they say may not be concluded."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.between_models import Models, ModelVerdict
from engine.analysis.between_recipes import Recipes, RecipeVerdict
from engine.analysis.chosen import RecipeRuns
from engine.analysis.compare import table
from engine.analysis.marked import MarkedRun
from engine.analysis.milestones import Milestone
from engine.analysis.pairing import BY_LABELS, Pair
from engine.analysis.standing import Standing
from engine.analysis.statistics.bootstrap import Improvement
from engine.analysis.statistics.mcnemar import PairedCounts
from engine.analysis.statistics.means import MeanDifference
from engine.analysis.statistics.variance import Variance
from engine.analysis.stats import Interval
from engine.analysis.verdict import Rules
from engine.contract.recipe.catalog import catalog
from engine.contract.run.summary import Summary
from presets.references import recipe_of
from tui.drawing.verdict_tables import (
    classes_table,
    models_table,
    not_to_be_concluded,
    not_to_be_concluded_of_recipes,
    overlay_table,
    recipes_table,
)

BASE, OTHER = "20260101-000000-8fq2", "20260101-000000-d2f8"
RECIPE = recipe_of("quickstart", catalog())


def marked(run, accuracies, reached, energy=math.nan, device="H100"):
    epochs = np.arange(1, len(accuracies) + 1, dtype=float)
    one = Standing(run, "resnet34", "r", 2, len(accuracies), epochs, np.array(accuracies), test_images=10_000)
    summary = Summary(run, best_accuracy=max(accuracies), epoch_seconds=10.04, device_name=device, best_on="test")
    times = tuple(
        Milestone(target, epoch, 10.0 * epoch) for target, epoch in zip((0.9, 0.94, 0.95, 0.96), reached, strict=True)
    )
    return summary, one, times, energy


def overlay(*rows):
    compared = table([row[1] for row in rows], rows[0][1].id)
    return [
        MarkedRun(row[0], line, RECIPE, "-" if line is compared[0] else "ema .999", row[2], row[3])
        for row, line in zip(rows, compared, strict=True)
    ]


def heads(one):
    return [column.head for column in one.columns]


def cell(one, row, head):
    return one.rows[row][heads(one).index(head)]


@pytest.fixture
def two():
    return overlay(marked(BASE, [0.5, 0.9626], (36, 105, 156, 0), 0.57), marked(OTHER, [0.5, 0.9687], (34, 80, 0, 0)))


def test_the_overlay_has_differences_milestones_and_costs(two):
    found = overlay_table(two, BASE)
    assert [cell(found, 0, head) for head in ("last", "best", "Δ base", "94 %", "95 %", "s/epoch", "kWh")] == [
        "96.26", "96.26*", "base", "105", "156", "10", "0.570",
    ]  # fmt: skip
    assert [cell(found, 1, head) for head in ("changes", "last", "Δ base", "94 %", "95 %", "kWh")] == [
        "ema .999", "96.87", "+0.61 @ 2", "80", "-", "-",
    ]  # fmt: skip
    assert "96 %" not in heads(found), "nobody reached it"


def test_without_power_there_is_no_energy():
    assert "kWh" not in heads(
        overlay_table(overlay(marked(BASE, [0.5], (0,) * 4), marked(OTHER, [0.6], (0,) * 4)), BASE)
    )


def verdict(note="", weights=("raw", "raw")):
    counts = PairedCounts(9538, 88, 149, 225)
    pair = Pair(OTHER, BASE, ("all",), (counts,), weights, note)
    return ModelVerdict(
        OTHER, counts.difference, counts.interval(), pair, "", p=counts.mid_p, adjusted=1.4e-4, outcome="better"
    )


def test_models_have_their_counts_and_the_size_of_the_family(two):
    lone = ModelVerdict(OTHER, -0.01, Interval(-0.02, 0.01), None, "no predictions")
    found = models_table(Models(BASE, (verdict(), lone), (), Rules()), {OTHER: "ema .999"})
    assert found.title == "These models after their last epochs, each against 8fq2 (1 comparison)"
    assert found.rows[0] == (
        "d2f8", "ema .999", "+0.61", "+0.31 .. +0.92", "10,000", "88", "149", "7e-5", "1.4e-4", "▲ fewer mistakes",
    )  # fmt: skip
    assert found.rows[1][2:] == ("-1.00", "-2.00 .. +1.00 unpaired", *"-----", "no predictions")
    assert models_table(Models(BASE, (verdict(),), (), Rules()), {OTHER: "-"}).title.startswith("These two models")
    assert "BH" in heads(models_table(Models(BASE, (), (), Rules(correction="bh")), {}))


def test_a_pair_class_by_class_is_a_family_of_its_own():
    counts = PairedCounts(900, 10, 40, 50), PairedCounts(900, 25, 25, 50)
    pair = Pair(OTHER, BASE, ("cat", "dog"), counts, ("raw", "raw"))
    row = ModelVerdict(OTHER, 0.015, Interval(0, 0.03), pair, "")
    found = classes_table(row, Models(BASE, (row,), (), Rules()))
    assert found.title == "d2f8 against 8fq2 by class (2 comparisons)"
    assert found.rows[0][:5] == ("cat", "1,000", "+3.00", "10", "40")
    assert found.rows[1] == ("dog", "1,000", "+0.00", "25", "25", "1", "1")
    assert classes_table(replace(row, pair=None), Models(BASE, (row,), (), Rules())).rows == ()


def test_what_models_do_not_show(two):
    notes = dict(
        not_to_be_concluded(two, Models(BASE, (verdict(BY_LABELS, ("ema", "raw")),), (("x-z", "why"),), Rules()))
    )
    assert "n = 1" in notes["recipes"] and "another seed may differ" in notes["recipes"]
    assert "in no verdict" in notes["best*"] and "not corrected" in notes["95 %"]
    assert notes["weights"] == "d2f8 is tested with its ema weights, 8fq2 with its raw ones"
    assert BY_LABELS in notes["pairing"] and notes["left out"] == "x-z: why"
    assert "time" not in notes


def test_seconds_on_different_devices_are_not_ranked():
    rows = overlay(marked(BASE, [0.5], (0,) * 4), marked(OTHER, [0.6], (0,) * 4, device="H200"))
    notes = dict(not_to_be_concluded(rows, Models(BASE, (), (), Rules())))
    assert notes["time"] == "different devices (H100; H200): seconds are not ranked" and "recipes" not in notes


def recipe(recipe_id, accuracies, **fields):
    runs = tuple(Summary(f"x{seed}", seed=seed, last_accuracy=value) for seed, value in enumerate(accuracies))
    return RecipeVerdict(RecipeRuns(recipe_id, "resnet34", "-", runs, 1, "seed 0 is listed twice"), None, **fields)


@pytest.fixture
def recipes():
    found = MeanDifference(0.0061, Interval(0.0040, 0.0081), 0.0012, 3.9, (3, 3), "welch")
    row = recipe(
        "b", (0.9678, 0.9685, 0.9692), difference=found, bootstrap=Interval(0.003, 0.009), seeds_needed=6,
        improvement=Improvement(0.89, Interval(0.5, 1.0), (3, 3)), variance=Variance(12, 4e-6, 1e-6), adjusted=0.0036,
        outcome="better",
    )  # fmt: skip
    return Recipes(recipe("a", (0.9615, 0.9625, 0.9635)), (row,), (("c", "tested on other data"),), Rules(paired=True))


LABELS = {"a": "cutmix", "b": "ema .999", "c": "slice"}


def test_recipes_have_means_spread_and_seeds_needed(recipes):
    found = recipes_table(recipes, LABELS)
    assert found.title == "Means of the last epochs over seeds, each against cutmix (1 comparison)"
    assert found.rows[0][:3] == ("cutmix", "96.25 ± .10 sd (n = 3)", "base")
    assert found.rows[1] == (
        "ema .999", "96.85 ± .07 sd (n = 3)", "+0.61", "+0.40 .. +0.81", "+0.30 .. +0.90", ".89", ".0012", ".0036",
        "6 seeds", "▲ better",
    )  # fmt: skip


def test_what_recipes_do_not_show(recipes):
    notes = not_to_be_concluded_of_recipes(recipes, LABELS)
    assert ("p", "t test, welch") in notes and any("else Welch" in text for topic, text in notes if topic == "pairing")
    assert ("spread", "ema .999: sd .2 on this test set, about .1 on unlimited images") in notes
    assert any(topic == "spread" and "not enough runs" in text for topic, text in notes)
    assert any(topic == "P(A>B)" and "29 seeds" in text for topic, text in notes)
    assert ("left out", "slice: tested on other data") in notes and (
        "unfinished",
        "cutmix: 1 more, not counted",
    ) in notes
    assert ("seeds", "cutmix: seed 0 is listed twice") in notes


def test_a_recipe_without_a_test_has_dashes(recipes):
    row = replace(
        recipes.rows[0], difference=None, bootstrap=None, improvement=None, seeds_needed=0, outcome="untested"
    )
    found = recipes_table(replace(recipes, rows=(row,)), LABELS)
    assert found.rows[1][2:7] == ("-",) * 5 and found.rows[1][-1] == "no test"
