"""The sentences of verdicts: counts behind every claim, and no claim beyond the data."""

import math
import re
from dataclasses import replace

import pytest

from engine.analysis.between_models import ModelVerdict
from engine.analysis.between_recipes import RecipeVerdict
from engine.analysis.chosen import RecipeRuns
from engine.analysis.pairing import Pair
from engine.analysis.statistics.agreement import Churn, Ensemble, Suspect
from engine.analysis.statistics.mcnemar import PairedCounts
from engine.analysis.statistics.means import MeanDifference
from engine.analysis.stats import Interval, Spread
from engine.analysis.together import Suspects
from engine.analysis.verdict import Rules
from engine.contract.run.summary import Summary
from tui.drawing.verdict_words import (
    churn_sentence,
    ensemble_sentence,
    mean_sd,
    model_sentence,
    p_text,
    points,
    range_text,
    recipe_sentence,
    suspects_sentence,
    word,
)

RULES = Rules()
BASE = "20261120-101010-8fq2"


def model(lost, won, outcome, adjusted, name="d2f8", **fields):
    counts = PairedCounts(9538, lost, won, 10_000 - 9538 - lost - won)
    pair = Pair(f"20261121-101010-{name}", BASE, ("all",), (counts,), ("raw", "raw"))
    return ModelVerdict(
        pair.run, counts.difference, counts.interval(), pair, "", p=counts.mid_p, adjusted=adjusted, outcome=outcome,
        **fields,
    )  # fmt: skip


def recipe(difference, low, high, outcome, n=(3, 3), needed=0, adjusted=0.01):
    runs = RecipeRuns("r", "resnet34_cutmix", "-", tuple(Summary("x", last_accuracy=0.9) for _ in range(n[0])), 0, "")
    found = MeanDifference(difference, Interval(low, high), adjusted, 4.0, n, "welch")
    return RecipeVerdict(runs, None, found, seeds_needed=needed, adjusted=adjusted, outcome=outcome)


def test_fewer_mistakes_on_the_same_images():
    assert model_sentence(model(88, 149, "better", 1.4e-4), BASE, RULES, 3) == (
        "d2f8 made 61 fewer mistakes than 8fq2 on the same 10,000 images (149 fixed, 88 new): "
        "more than chance on images explains (p 1.4e-4 after 3 comparisons). Another seed may differ."
    )


def test_more_mistakes_and_a_family_of_one():
    assert model_sentence(model(398, 137, "worse", 1e-12, "1b9e"), BASE, RULES, 1) == (
        "1b9e made 261 more mistakes than 8fq2 on the same 10,000 images (137 fixed, 398 new): "
        "more than chance on images explains (p <1e-9). Another seed may differ."
    )


def test_nothing_shown_says_what_the_data_allow():
    assert model_sentence(model(118, 103, "open", 0.31, "t4c1"), BASE, RULES, 3) == (
        "t4c1: ? open: anything from 0.44 worse to 0.14 better (103 fixed, 118 new, p .31 after 3 comparisons)."
    )


def test_a_difference_that_the_correction_takes_back():
    found = model_sentence(model(50, 75, "not after correction", 0.08), BASE, RULES, 3)
    assert found.endswith("(75 fixed, 50 new): ? not after 3 comparisons (p .08 after 3 comparisons).")


def test_the_same_only_within_the_smallest_difference_that_matters():
    found = model_sentence(model(10, 11, "same", 0.9), BASE, RULES, 1)
    assert found.startswith("d2f8 and 8fq2 are the same within .2 on the same 10,000 images (95 % -0.0")


def test_a_run_without_a_pair_has_an_interval_and_no_verdict():
    found = ModelVerdict("20261121-101010-d2f8", -0.01, Interval(-0.02, 0.01), None, "not finished")
    assert model_sentence(found, BASE, RULES, 0) == (
        "d2f8: no test (not finished); unpaired interval of the difference -2.00 .. +1.00."
    )
    assert churn_sentence(found, BASE) == ""


def test_churn_has_its_references():
    found = model(88, 149, "better", 0.01, churn=Churn(0.0412, 0.0771, 0.0395, 2))
    assert churn_sentence(found, BASE) == (
        "d2f8 and 8fq2 predict different classes for 4.12 % of the images "
        "(7.71 % if they erred independently; 3.95 % between two seeds of one recipe here)."
    )
    alone = model(88, 149, "better", 0.01, churn=Churn(0.0412, 0.0771, math.nan, 0))
    assert churn_sentence(alone, BASE).endswith("(7.71 % if they erred independently).")


def test_recipes():
    better = recipe(0.0061, 0.0040, 0.0081, "better")
    assert recipe_sentence(better, "ema .999", RULES, 3) == (
        "ema .999 is better by 0.61 (95 % +0.40 .. +0.81, n = 3 and 3)."
    )
    worse = recipe(-0.0257, -0.0282, -0.0232, "worse")
    assert recipe_sentence(worse, "jitter", RULES, 3) == ("jitter is worse by 2.57 (95 % -2.82 .. -2.32, n = 3 and 3).")
    open_ = recipe(-0.0014, -0.0035, 0.0008, "open", needed=6)
    assert recipe_sentence(open_, "lr .01", RULES, 3) == (
        "lr .01: ? open: anything from 0.35 worse to 0.08 better (n = 3 and 3). To see .2: 6 seeds each; you have 3."
    )
    same = recipe(0.0001, -0.0015, 0.0017, "same")
    assert recipe_sentence(same, "lr .01", RULES, 3) == (
        "lr .01 is the same within .2 (95 % -0.15 .. +0.17, n = 3 and 3)."
    )
    taken_back = recipe(0.0021, 0.0001, 0.0041, "not after correction", n=(3, 4), needed=9, adjusted=0.09)
    assert recipe_sentence(taken_back, "lr .01", RULES, 2) == (
        "lr .01: ? not after 2 comparisons: p .09 (95 % +0.01 .. +0.41, n = 3 and 4). "
        "To see .2: 9 seeds each; you have 3 and 4."
    )


def test_a_recipe_with_one_seed_has_no_test():
    runs = RecipeRuns("r", "resnet34", "-", (Summary("x", last_accuracy=0.9),), 0, "")
    found = RecipeVerdict(
        runs, None, reason="n = 1 and 3: a test needs at least 2 seeds of each", seeds_needed=3, at_least=True
    )
    assert recipe_sentence(found, "lr .01", RULES, 0) == (
        "lr .01: no test (n = 1 and 3: a test needs at least 2 seeds of each). To see .2: at least 3 seeds each; you have 1."
    )


def test_an_ensemble_stands_beside_its_seeds():
    found = replace(recipe(0.01, 0.0, 0.02, "open"), ensemble=Ensemble(3, 0.9698, 0.9625))
    assert ensemble_sentence(found, "ema") == (
        "ema: the mean of the probabilities of its 3 seeds is right for 96.98 %, each seed alone for 96.25 %."
    )
    assert ensemble_sentence(recipe(0.01, 0.0, 0.02, "open"), "ema") == ""


def test_suspects_are_worth_a_look_and_no_errors():
    images = tuple(Suspect(number, 0, 1, 0.99 - number / 100) for number in range(5))
    found = suspects_sentence(Suspects(("a", "b", "c"), 2, ("cat", "dog"), images))
    assert found == (
        "5 suspect labels, worth a look: all 3 runs of 2 recipes agree on another class "
        "(0 cat → dog 99 %, 1 cat → dog 98 %, 2 cat → dog 97 %, ...)."
    )
    assert "error" not in found and suspects_sentence(Suspects(("a",), 1, ("cat",), ())) == ""


OUTCOMES = ("better", "worse", "same", "not after correction", "open", "untested")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_no_verdict_claims_more_than_the_data_do(outcome):
    said = [
        word(outcome, RULES, 3, models=True), word(outcome, RULES, 3, models=False),
        model_sentence(model(88, 149, outcome, 0.01), BASE, RULES, 3),
        recipe_sentence(recipe(0.0061, 0.0040, 0.0081, outcome), "ema", RULES, 3),
    ]  # fmt: skip
    for text in said:
        assert not re.search(r"\breal\b|\bequal\b|\bproven\b|\bsignificant\b|once in|odds", text)
        assert not text.startswith("=")


def test_a_single_run_is_never_better_it_makes_fewer_mistakes():
    assert [word(outcome, RULES, 3, models=True) for outcome in OUTCOMES] == [
        "▲ fewer mistakes", "▼ more mistakes", "same within .2", "? not after 3 comparisons", "? open", "no test",
    ]  # fmt: skip
    assert [word(outcome, RULES, 3, models=False) for outcome in OUTCOMES[:2]] == ["▲ better", "▼ worse"]


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.31, ".31"), (1.0, "1"), (0.0036, ".0036"), (7e-5, "7e-5"), (1.4e-4, "1.4e-4"), (1e-12, "<1e-9"), (math.nan, "-"),
     (0.05, ".05"), (0.0, "<1e-9")],
)  # fmt: skip
def test_p_values_are_short(p, text):
    assert p_text(p) == text


def test_numbers():
    assert (points(0.002), points(0.0061), points(0.01), points(-0.015)) == (".2", ".61", "1", "1.5")
    assert mean_sd(Spread(0.9625, 0.0010, 3)) == "96.25 ± .10 sd (n = 3)"
    assert mean_sd(Spread(0.9625, math.nan, 1)) == "96.25 (n = 1)"
    assert (mean_sd(Spread(math.nan, math.nan, 0)), range_text(None)) == ("-", "-")
    assert mean_sd(Spread(0.5, 0.0123, 2)) == "50.00 ± 1.23 sd (n = 2)"
