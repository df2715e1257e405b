"""A fixed number of further seeds: what counts, how many are asked for, and what is started."""

from dataclasses import replace

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.run.seed_plans import planned_seeds
from engine.contract.run.store import RunFolder, runs_root, summarize
from presets import loader, references
from tui.plans.seeds import counted_seeds, plan_more, seeds_wanted


@pytest.fixture
def rows(ended_run):
    recipe = references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0"]))
    made = [ended_run(recipe, seed, (0.5, 0.6, 0.7 + seed / 1000)) for seed in range(3)]
    failed = ended_run(recipe, 3, (0.5,), state="failed")
    made[1].add_label(excluded="wrong crop")
    return [summarize(run) for run in (*made, failed)]


def test_failed_runs_and_those_left_out_are_no_seeds(rows):
    assert counted_seeds(rows[0].recipe_id, rows) == [0, 2] and counted_seeds("other", rows) == []


def test_below_three_seeds_three_are_asked_for_and_then_what_the_spread_needs(rows, ended_run):
    recipe_id = rows[0].recipe_id
    assert seeds_wanted(recipe_id, rows, 0.002) == 3
    rows[1] = replace(rows[1], excluded="")
    assert seeds_wanted(recipe_id, rows, 0.001) > seeds_wanted(recipe_id, rows, 0.01) == 3


def test_the_next_higher_seeds_are_started_and_the_number_is_stored(rows):
    root = runs_root()
    plan = plan_more(RunFolder(root / rows[0].id), 4, rows, [root], trust=False)
    assert plan.seeds == (0, 2, 4, 5), "seed 3 has failed: it is not tried again"
    assert [(job.seed, job.action) for job in plan.batch.to_do] == [(4, "start"), (5, "start")]
    assert "2 to start" in plan.lines[0] and any("Device: " in line for line in plan.lines)
    plan.store(root)
    assert planned_seeds([root]) == {rows[0].recipe_id: 4}
