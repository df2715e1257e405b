"""`runs compare` and the listings: the best epoch and what it was picked on, seeds, differences, time at work."""

import json
import math
import shutil

import pytest

from engine.analysis.history import History
from engine.analysis.report import outcome
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, RunStarted
from engine.contract.run.store import runs_root, summarize
from presets import loader, references
from tui.commands.train import final_line, result_of


@pytest.fixture
def held_out(ended_run):
    """A run whose best epoch was picked on images held out of training, and one that picked on test."""
    sets = ["data.holdout=0.1", "epochs=3", "schedule.warmup=0"]
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=sets))
    run = ended_run(recipe, 0, ())
    with EventWriter(run.events) as events:
        events.write(RunStarted(epochs=3, test_images=1000, best_on="holdout", worked=0.0))
        for number, (test, held) in enumerate(((0.9, 0.5), (0.8, 0.7), (0.7, 0.6)), 1):
            events.write(Epoch(number, test_accuracy=test, holdout_accuracy=held, worked=float(number)))
    plain = references.recipe_of("quickstart", catalog(), loader.Edits(sets=sets[1:]))
    return run, ended_run(plain, 0, (0.3, 0.6, 0.5))


def test_every_view_has_the_same_best_epoch_and_says_what_it_was_picked_on(cli, held_out):
    """The listing, one run, the comparison, the screens' history and the report."""
    held, plain = held_out
    listed = {row["id"]: row for row in json.loads(cli("runs", "list", "--json").out)}
    shown = json.loads(cli("runs", "show", held.id, "--json").out)
    compared, other = json.loads(cli("runs", "compare", held.id, plain.id, "--json").out)["runs"]
    history = History(held.events)
    history.poll()
    assert listed[held.id]["best_accuracy"] == shown["best_accuracy"] == compared["best_accuracy"] == 0.8
    assert (shown["best_on"], compared["best_on"], compared["best_epoch"]) == ("holdout", "holdout", 2)
    assert (other["best_on"], other["best_epoch"], other["best_accuracy"]) == ("test", 2, 0.6)
    assert history.best.epoch == outcome(summarize(held)).best.epoch == 2
    assert "best on holdout 80.00 %" in cli("runs", "show", held.id).out
    for command in (("runs", "list"), ("runs", "compare", held.id, plain.id)):
        lines = cli(*command).out.splitlines()
        by_id = {run.id: next(line for line in lines if line.startswith(run.id)).split() for run in held_out}
        assert "80.00" in by_id[held.id] and "60.00*" in by_id[plain.id], "the star stands at the row"
        assert "best*" not in lines[0]
    assert "*" not in cli("runs", "list", "--filter", "best>0.7").out


def test_a_comparison_says_at_which_epoch_and_measures_finished_runs_at_their_ends(cli, ended_run):
    def curve(epochs, accuracies):
        sets = [f"epochs={epochs}", "schedule.warmup=0"]
        return ended_run(references.recipe_of("quickstart", catalog(), loader.Edits(sets=sets)), 0, accuracies)

    short, long = curve(2, (0.5, 0.9)), curve(4, (0.5, 0.6, 0.7, 0.95))
    answer = cli("runs", "compare", short.id, long.id).out
    assert "+5.00 @ end" in answer and "@ end: both runs have finished" in answer
    assert "-30.00 @ 2" in cli("runs", "compare", short.id, long.id, "--same-epoch").out
    found = json.loads(cli("runs", "compare", short.id, long.id, "--json").out)["runs"][1]
    assert (found["at_epoch"], found["at_epoch_of_first"]) == (4, 2)
    young = curve(9, (0.5, 0.6, 0.7))
    assert "-30.00 @ 2" in cli("runs", "compare", short.id, young.id).out


def test_one_run_in_two_folders_is_one_run_and_one_measurement(cli, ended_run, tmp_path):
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=2", "schedule.warmup=0"]))
    run = ended_run(recipe, 0, (0.5, 0.6))
    run.add_label(name="base")
    mirror = tmp_path / "mirror"
    shutil.copytree(runs_root(), mirror)
    both = ("--runs-dir", str(runs_root()), "--runs-dir", str(mirror))
    assert cli("runs", "show", "base", *both).code == cli("runs", "show", run.id[-4:], *both).code == 0
    answer = cli("runs", "compare", "base", run.id[-4:], *both)
    assert answer.code == 2 and f"all of these are run {run.id}" in answer.err
    copy = run.path.with_name(f"{run.id[:-4]}zzzz")
    shutil.copytree(run.path, copy)
    answer = cli("runs", "compare", "base", "zzzz")
    assert (
        answer.code == 0 and "n=1; seed 0 is listed twice and counts once" in answer.out and "± 0.00" not in answer.out
    )
    seeds = json.loads(cli("runs", "compare", "base", "zzzz", "--json").out)["seeds"]
    assert (seeds[0]["seeds"], seeds[0]["last"]["n"]) == ([0], 1)


def test_time_at_work_of_an_older_run_is_marked_as_an_estimate(cli, ended_run):
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=2", "schedule.warmup=0"]))
    run = ended_run(recipe, 0, (0.5, 0.6))
    assert "2.0 s" in cli("runs", "list").out and "~" not in cli("runs", "list").out
    lines = [json.loads(line) for line in run.events.read_text().splitlines()]
    run.events.write_text(
        "".join(json.dumps({k: v for k, v in line.items() if k != "worked"}) + "\n" for line in lines)
    )
    assert "~2.0 s" in cli("runs", "list").out
    assert "~2.0 s (estimated from wall clocks)" in cli("runs", "show", run.id).out
    assert json.loads(cli("runs", "show", run.id, "--json").out)["seconds_estimated"] is True


@pytest.fixture
def tested_once(ended_run):
    """Two seeds of a recipe with `evaluate.every = 0`; and one run of it that was stopped before its end."""
    sets = ["evaluate.every=0", "epochs=3", "schedule.warmup=0"]
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=sets))
    ended = [ended_run(recipe, seed, (math.nan, math.nan, last), best_on="") for seed, last in enumerate((0.6, 0.7))]
    return [*ended, ended_run(recipe, 2, (math.nan, math.nan), best_on="", state="stopped")]


def test_a_run_tested_only_at_its_end_has_no_best_epoch_in_any_view(cli, tested_once):
    run, other, stopped = tested_once
    listed = {row["id"]: row for row in json.loads(cli("runs", "list", "--json").out)}
    assert (listed[run.id]["last_accuracy"], listed[run.id]["best_accuracy"]) == (0.6, None)
    assert (listed[stopped.id]["last_accuracy"], listed[stopped.id]["best_accuracy"]) == (None, None)
    shown = json.loads(cli("runs", "show", run.id, "--json").out)
    assert (shown["last_accuracy"], shown["best_accuracy"], shown["best_on"]) == (0.6, None, None)
    assert "last 60.00 %, tested at the end" in cli("runs", "show", run.id).out
    assert "last - %, tested at the end" in cli("runs", "show", stopped.id).out
    compared = json.loads(cli("runs", "compare", run.id, other.id, stopped.id, "--json").out)
    for one in compared["runs"]:
        assert (one["best_accuracy"], one["best_on"], one["best_epoch"]) == (None, None, None)
    assert compared["runs"][1]["against_first"] == pytest.approx(0.1)
    (seeds,) = compared["seeds"]
    assert (seeds["last"]["n"], seeds["best"]["n"], seeds["best_on"]) == (2, 0, None)
    for command in (("runs", "list"), ("runs", "compare", run.id, other.id)):
        out = cli(*command).out
        assert "60.00" in out and "*" not in out and "best epoch picked" not in out
    assert run.id not in cli("runs", "list", "--filter", "best>0.1").out
    rows = json.loads(cli("runs", "export", run.id, "--json").out)["epochs"]
    assert [row["test_accuracy"] for row in rows] == [None, None, 0.6]


def test_the_result_of_a_run_tested_only_at_its_end_has_nulls_for_the_best(tested_once):
    run, _, stopped = tested_once
    result, early = result_of(run), result_of(stopped)
    assert (result["last_accuracy"], result["best_accuracy"], result["best_on"]) == (0.6, None, None)
    assert (early["last_accuracy"], early["best_accuracy"], early["best_on"]) == (None, None, None)
    assert "last 60.00 %" in final_line(result) and "best" not in final_line(result)
    assert "last" not in final_line(early)
