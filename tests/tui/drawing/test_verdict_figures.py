"""Verdicts as plain data: every figure of the tables, and nothing that JSON cannot hold."""

import json
import math

from engine.analysis.between_models import Models, ModelVerdict
from engine.analysis.between_recipes import Recipes, RecipeVerdict
from engine.analysis.chosen import RecipeRuns
from engine.analysis.pairing import Pair
from engine.analysis.statistics.agreement import Churn, Ensemble, Suspect
from engine.analysis.statistics.bootstrap import Improvement
from engine.analysis.statistics.mcnemar import PairedCounts
from engine.analysis.statistics.means import MeanDifference
from engine.analysis.stats import Interval
from engine.analysis.together import Suspects
from engine.analysis.verdict import Rules
from engine.contract.run.summary import Summary
from tui.commands.common import finite
from tui.drawing.verdict_figures import models_data, recipes_data, suspects_data

BASE, OTHER = "20260101-000000-8fq2", "20260101-000000-d2f8"


def test_models():
    counts = PairedCounts(90, 3, 5, 2), PairedCounts(80, 1, 9, 10)
    pair = Pair(OTHER, BASE, ("cat", "dog"), counts, ("ema", "raw"))
    churn = Churn(0.1, 0.2, math.nan, 0)
    paired = ModelVerdict(OTHER, 0.05, Interval(0.01, 0.09), pair, "", churn, 0.03, 0.03, "better")
    alone = ModelVerdict("x", math.nan, None, None, "not finished")
    found = finite(models_data([], Models(BASE, (paired, alone), (("y", "tested on other data"),), Rules())))
    json.dumps(found, allow_nan=False)
    first, second = found["rows"]
    assert (first["lost"], first["won"], first["images"], first["weights"]) == (4, 14, 200, ["ema", "raw"])
    dog = first["per_class"][1]
    assert (dog["class"], dog["images"], dog["lost"], dog["won"], dog["difference"]) == ("dog", 100, 1, 9, 0.08)
    assert dog["adjusted_p"] == min(2 * counts[1].mid_p, 1)
    assert first["churn"]["two_seeds"] is None and first["churn"]["share"] == 0.1
    assert (second["interval"], second["mid_p"], second["paired"], second["per_class"]) == (None, None, False, [])
    assert found["left_out"] == [{"id": "y", "reason": "tested on other data"}]
    assert found["comparisons"] == 1


def test_recipes():
    runs = RecipeRuns("r", "resnet34", "-", (Summary("a", seed=3, last_accuracy=0.9),), 0, "")
    tested = RecipeVerdict(
        runs, Interval(0.8, 1.0), MeanDifference(0.01, Interval(0.0, 0.02), 0.04, 2.0, (2, 2), "welch"),
        improvement=Improvement(0.75, Interval(0.5, 1.0), (2, 2)), ensemble=Ensemble(2, 0.97, 0.96), adjusted=0.04, outcome="better",
    )  # fmt: skip
    untested = RecipeVerdict(runs, None, reason="n = 1 and 1: a test needs at least 2 seeds of each")
    found = finite(recipes_data(Recipes(untested, (tested, untested), (), Rules()), {"r": "ema"}))
    json.dumps(found, allow_nan=False)
    first, second = found["rows"]
    assert (first["method"], first["p"], first["interval_of_mean"]) == ("welch", 0.04, [0.8, 1.0])
    assert first["improvement"] == {"probability": 0.75, "interval": [0.5, 1.0], "conclusion": "not significant"}
    assert (first["ensemble"], second["ensemble"]) == ({"runs": 2, "accuracy": 0.97, "alone": 0.96}, None)
    assert (second["difference"], second["improvement"], second["seeds_needed"]) == (None, None, None)
    assert found["baseline"]["seeds"] == [3] and "sentence" not in found["baseline"]


def test_suspects():
    found = suspects_data(Suspects(("a", "b", "c"), 2, ("cat", "dog"), (Suspect(17, 0, 1, 0.97),)))
    assert found["images"] == [{"image": 17, "label": "cat", "predicted": "dog", "probability": 0.97}]
    assert (found["runs"], found["recipes"]) == (["a", "b", "c"], 2)
