"""The fields in which runs differ become columns."""

from engine.analysis.recipe_fields import differing_fields
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import summarize
from presets import loader, references


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=[*sets]))


def test_only_fields_that_differ_are_columns_and_a_missing_option_differs_too(ended_run):
    plain, fast, adam = (
        summarize(ended_run(recipe(*sets), 0, [0.5])) for sets in ((), ("optimizer.lr=0.3",), ("optimizer.name=adam",))
    )
    two = differing_fields([plain, fast])
    assert two.paths == ("optimizer.lr",)
    assert [row["optimizer.lr"] for row in two.rows] == [recipe().optimizer.options["lr"], 0.3]
    three = differing_fields([plain, fast, adam])
    assert {"optimizer.name", "optimizer.lr", "optimizer.momentum", "optimizer.beta1"} <= set(three.paths)
    assert three.rows[2].get("optimizer.momentum") is None
    assert differing_fields([plain]).paths == () and differing_fields([]).rows == ()


def test_a_run_whose_recipe_cannot_be_read_keeps_its_row(ended_run):
    runs = [ended_run(recipe(*sets), 0, [0.5]) for sets in ((), ("optimizer.lr=0.3",), ("epochs=7",))]
    runs[2].recipe_toml.write_text("model = 3")
    found = differing_fields([summarize(run) for run in runs])
    assert found.paths == ("optimizer.lr",) and found.rows[2] == {} and found.unreadable == (runs[2].id,)
