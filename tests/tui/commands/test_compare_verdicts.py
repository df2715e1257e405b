"""`runs compare` as an answer: verdicts on models and recipes, as text and as JSON."""

import json

import numpy as np
import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.run.seed_plans import plan_seeds
from engine.contract.run.store import runs_root
from presets import loader, references
from tests.engine.analysis.predicting import logits_of, predicted_run
from tui.settings import config_file

LABELS = np.random.default_rng(1).integers(0, 10, 2000)


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0", *sets]))


@pytest.fixture
def runs(ended_run):
    """Three seeds of a recipe, three of a better one, three of one that is no different."""
    rng = np.random.default_rng(0)
    hard = rng.random(2000)
    made = []
    for sets, share in (((), 0.10), (("optimizer.lr=0.1",), 0.05), (("optimizer.lr=0.3",), 0.1)):
        for seed in range(3):
            noise = hard + 0.05 * rng.standard_normal(2000)
            wrong = noise < np.quantile(noise, share + 0.001 * rng.standard_normal())
            predicted = np.where(wrong, (LABELS + 1) % 10, LABELS)
            made.append(predicted_run(ended_run, recipe(*sets), seed, LABELS, predicted))
    return made


def by_word(out, word):
    return next(line.split() for line in out.splitlines() if line.startswith(word))


def test_models_are_judged_on_the_same_images_as_one_family(cli, runs):
    base, better, same = (runs[at].id for at in (0, 3, 6))
    out = cli("runs", "compare", base, better, same).out
    assert f"each against {base[-4:]} (2 comparisons)" in out
    assert "▲ fewer mistakes" in out and "? open: anything from" in out.replace("\n", " ")
    assert "fewer mistakes than" in out and "Another seed may differ." in out.replace("\n", " ")
    assert "each run is n = 1" in out and "real" not in out
    assert "by class" not in out
    by_class = cli("runs", "compare", base, better, same, "--classes").out
    assert f"{better[-4:]} against {base[-4:]} by class (10 comparisons)" in by_class
    answer = json.loads(cli("runs", "compare", base, better, same, "--json").out)
    models = answer["models"]
    assert (models["comparisons"], models["correction"], models["smallest"]) == (2, "holm", 0.002)
    first, second = models["rows"]
    assert (first["outcome"], second["outcome"], first["images"]) == ("better", "open", 2000)
    assert first["difference"] == pytest.approx((first["won"] - first["lost"]) / 2000)
    assert first["adjusted_p"] == pytest.approx(min(1, 2 * first["mid_p"])) and first["exact_p"] >= first["mid_p"]
    assert sum(one["won"] for one in first["per_class"]) == first["won"]
    assert first["interval"][0] < first["difference"] < first["interval"][1]
    assert first["churn"]["pairs"] == 0 and first["sentence"] in out.replace("\n", " ")


def test_recipes_are_judged_by_all_their_seeds(cli, runs):
    base, better, same = (runs[at].id for at in (0, 3, 6))
    out = cli("runs", "compare", base, better, same, "--by", "recipe").out
    flat = " ".join(out.split())
    assert "Means of the last epochs over seeds, each against quickstart (2 comparisons)" in flat
    assert "lr .2→.1 is better by" in flat and "n = 3 and 3)." in flat
    assert "lr .2→.3: ? open: anything from" in flat and "seeds each; you have 3." in flat
    assert "10 of a recipe are needed" in flat
    assert "quickstart: the mean of the probabilities of its 3 seeds is right for" in flat
    recipes = json.loads(cli("runs", "compare", base, better, same, "--by", "recipe", "--json").out)["recipes"]
    first, second = recipes["rows"]
    assert (first["seeds"], first["method"], first["outcome"]) == ([0, 1, 2], "welch", "better")
    assert second["outcome"] == "open" and second["seeds_needed"] > 3
    assert first["bootstrap_interval"][0] > 0 and first["improvement"]["probability"] == 1.0
    assert recipes["baseline"]["last"]["n"] == 3 and recipes["comparisons"] == 2
    assert first["sentence"] in flat


def test_suspect_labels_are_named_for_a_look(cli, ended_run):
    wrong = LABELS.copy()
    wrong[7] = (LABELS[7] + 1) % 10
    made = [
        predicted_run(ended_run, recipe(f"optimizer.lr={lr}"), 0, LABELS, wrong, last=logits_of(wrong, 9.0))
        for lr in (0.1, 0.2, 0.3)
    ]
    out = " ".join(cli("runs", "compare", *(run.id for run in made)).out.split())
    assert "1 suspect label, worth a look: all 3 runs of 3 recipes agree on another class (7 " in out
    (one,) = json.loads(cli("runs", "compare", *(run.id for run in made), "--json").out)["suspects"]["images"]
    assert (one["image"], one["label"]) == (7, "abcdefghij"[LABELS[7]])


def test_recipes_that_differ_only_in_the_order_of_operations_have_names(cli, ended_run):
    one = recipe()
    other = one.model_copy(update={"augmentation": one.augmentation[::-1]})
    made = [ended_run(each, seed, (0.5, 0.6, 0.7 + seed / 100)) for each in (one, other) for seed in (0, 1)]
    out = cli("runs", "compare", made[0].id, made[2].id, "--by", "recipe").out
    assert f"quickstart {other.recipe_id[:8]}: ? open" in " ".join(out.split())


def test_the_baseline_the_margin_and_the_correction_may_be_chosen(cli, runs):
    base, better, same = (runs[at].id for at in (0, 3, 6))
    chosen = ("runs", "compare", base, better, same, "--baseline", better)
    answer = json.loads(cli(*chosen, "--smallest", "20", "--correction", "bh", "--json").out)
    assert answer["baseline"] == better
    assert [row["run"] for row in answer["models"]["rows"]] == [base, same]
    assert [row["verdict"] for row in answer["models"]["rows"]] == ["same within 20"] * 2
    assert answer["models"]["correction"] == "bh"
    assert by_word(cli(*chosen).out, better)[-2] != "base" and "base" in by_word(cli(*chosen).out, better)


def test_seeds_are_paired_on_request(cli, runs):
    answer = cli("runs", "compare", runs[0].id, runs[3].id, "--by", "recipe", "--paired", "--json")
    (row,) = json.loads(answer.out)["recipes"]["rows"]
    assert (row["method"], row["df"]) == ("paired by seed", 2)


def test_an_unfinished_run_and_one_of_the_earlier_format_say_so(cli, runs, ended_run):
    stopped = ended_run(recipe(), 7, (0.5, 0.6), state="stopped", test_images=2000)
    old = predicted_run(ended_run, recipe(), 8, LABELS, LABELS, first_version=True)
    out = " ".join(cli("runs", "compare", runs[0].id, stopped.id, old.id).out.split())
    assert f"{stopped.id[-4:]}: no test (not finished); unpaired interval of the difference" in out
    assert f"{old.id[-4:]}: the same images as far as their labels tell" in out
    assert "(1 comparison)" in out


def test_runs_on_other_images_have_no_verdict(cli, runs, ended_run):
    other = predicted_run(ended_run, recipe(), 8, LABELS, LABELS, data="0" * 64)
    out = cli("runs", "compare", runs[0].id, other.id).out
    assert f"{other.id[-4:]}: tested on other data" in out and "comparison" not in out


def test_wrong_choices_name_the_right_ones(cli, runs):
    assert "run, recipe" in cli("runs", "compare", runs[0].id, runs[1].id, "--by", "recipes").err
    assert "holm, bh" in cli("runs", "compare", runs[0].id, runs[1].id, "--correction", "bonferroni").err


def test_until_a_plan_of_seeds_is_carried_out_its_verdict_is_interim(cli, runs):
    base, better, same = runs[0], runs[3], runs[6]
    told = cli("runs", "seeds", better.id, "--to", "6", "--dry-run")
    assert told.code == 0 and "6 seeds in all" in told.err and "3 to start" in told.err
    command = ("runs", "compare", base.id, better.id, same.id, "--by", "recipe")
    assert "nterim" not in cli(*command).out, "a dry run stores nothing"
    for run, seeds in ((better, 6), (base, 5), (same, 3)):
        plan_seeds(runs_root(), run.recipe_id, seeds)
    flat = " ".join(cli(*command).out.split())
    assert "Planned n = 6, 3 done: interim. lr .2→.1 is better by" in flat
    assert "quickstart: planned n = 5, 3 done: interim" in flat and "planned n = 3" not in flat
    recipes = json.loads(cli(*command, "--json").out)["recipes"]
    rows = [recipes["baseline"], *recipes["rows"]]
    assert [(row["planned"], row["interim"]) for row in rows] == [(5, True), (6, True), (3, False)]


def test_the_smallest_difference_is_a_setting(cli, runs):
    ids = [runs[at].id for at in (0, 6)]
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[workbench]\nsmallest = 0.5\n")
    for more, smallest in (((), 0.005), (("--smallest", "0.1"), 0.001)):
        answer = json.loads(cli("runs", "compare", *ids, *more, "--json").out)
        assert answer["models"]["smallest"] == pytest.approx(smallest)
