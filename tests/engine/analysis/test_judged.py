"""What all marked runs together show: which runs count in the verdict on recipes, and which recipes are compared."""

import pytest

from engine.analysis.judged import Judged, judge_models, judge_recipes, recipe_labels
from engine.analysis.marked import UNREADABLE, mark, read_run
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import summarize
from presets import loader, references


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", *sets]))


@pytest.fixture
def runs(ended_run):
    """Two seeds of each of two recipes."""
    return [
        ended_run(one, seed, (0.1, 0.2, accuracy))
        for one, accuracies in ((recipe(), (0.90, 0.91)), (recipe("optimizer.lr=0.1"), (0.94, 0.95)))
        for seed, accuracy in enumerate(accuracies)
    ]


def test_the_verdict_on_recipes_counts_all_their_runs_and_not_only_the_marked_ones(runs):
    marked = mark([read_run(runs[0]), read_run(runs[2])], runs[0].id)
    found = judge_recipes(marked, runs[0].id, [summarize(run) for run in runs])
    assert found.baseline.recipe.last.n == 2 and [row.recipe.last.n for row in found.rows] == [2]
    assert judge_models(marked, runs[0].id).rows[0].run == runs[2].id
    assert recipe_labels(marked, runs[0].id) == {
        marked[0].run.recipe_id: "quickstart", marked[1].run.recipe_id: "lr .2→.1"
    }  # fmt: skip


def test_fields_that_differ_and_all_fields(runs):
    judged = Judged(tuple(mark([read_run(runs[0]), read_run(runs[2])], runs[0].id)), runs[0].id)
    assert [one.field for one in judged.differing()] == ["optimizer.lr"]
    assert len(judged.all_fields()) > 20 and judged.base.run.id == runs[0].id


def test_a_run_whose_recipe_cannot_be_read_keeps_its_row_and_enters_no_comparison_of_recipes(runs):
    runs[2].recipe_toml.unlink()
    marked = mark([read_run(run) for run in runs], runs[0].id)
    judged = Judged(tuple(marked), runs[0].id)
    assert marked[2].recipe is None and marked[2].changes == UNREADABLE and marked[2].row.last == 0.94
    assert len(judged.readable) == 3 and [one.field for one in judged.differing()] == ["optimizer.lr"]
    runs[0].recipe_toml.unlink()
    marked = mark([read_run(runs[0]), read_run(runs[3])], runs[0].id)
    assert judge_recipes(marked, runs[0].id, [summarize(run) for run in runs]) is None
