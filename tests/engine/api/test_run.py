"""Finding runs from a program."""

import pytest

from engine import api
from engine.contract.recipe.catalog import catalog
from presets.references import recipe_of


@pytest.fixture
def two(ended_run):
    recipe = recipe_of("quickstart", catalog())
    return [ended_run(recipe, seed, [0.5, 0.6 + seed / 10], tags=(f"seed{seed}",)) for seed in (0, 1)]


def test_a_run_is_found_by_every_name_that_it_has(two):
    first = two[0]
    first.add_label(name="mine", note="hello")
    for name in (first.id, first.id[-4:], "mine", first.path, str(first.path), api.load(first.id)):
        run = api.load(name)
        assert (run.id, run.folder, run.name, run.notes) == (first.id, first.path, "mine", ("hello",))
    assert api.load("@last").id == two[1].id
    assert run.recipe == first.recipe().to_table()


def test_the_filter_is_that_of_the_lists(two):
    assert [run.id for run in api.runs()] == [run.id for run in reversed(two)]
    assert [run.seed for run in api.runs("acc>0.65 tag:seed1")] == [1]
    with pytest.raises(api.BadInput):
        api.runs("acc>")


def test_another_folder_may_be_given(two, tmp_path):
    assert api.runs(runs_dir=str(tmp_path)) == []
    assert api.load("@last", runs_dir=str(two[0].path.parent)).id == two[1].id


@pytest.mark.parametrize("name", ["nonsense", "/nowhere/20260101-000000-aaaa", "./x"])
def test_what_is_not_there_is_a_mistake(two, name):
    with pytest.raises(api.BadInput):
        api.load(name)


def test_a_run_with_a_damaged_recipe_is_found_all_the_same(two):
    two[0].recipe_toml.write_text("")
    assert api.load(two[0].id).recipe == {} and api.load(two[0].id).last_accuracy == 0.6
