"""`optimizer.groups` in a recipe: written from the model's mark, stored as tables, and left out of ids where empty."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.option_types import Rule
from engine.contract.recipe.resolve import resolve, with_younger_fields
from engine.contract.recipe.schema import Recipe

TABLE = {"epochs": 3, "batch_size": 8, "model": "airbench94", "augmentation": [], "optimizer": "sgd"}
MARK = [{"match": "whiten.bias", "lr": 1.0, "decay": 1.0, "until": 0.375}]


def made(**changed: Any) -> Recipe:
    return resolve(TABLE | changed, catalog())


def groups(recipe: Recipe) -> Any:
    return recipe.to_table()["optimizer"]["groups"]


def test_a_recipe_without_groups_gets_those_of_the_models_mark():
    for model in ("airbench94", {"name": "airbench94"}, {"name": "airbench94", "width": 32}):
        for optimizer in ("sgd", {"name": "adamw", "lr": 0.1}):
            assert groups(made(model=model, optimizer=optimizer)) == MARK
    assert groups(made(model="lenet")) == []
    assert made().optimizer.options["groups"] == (Rule(match="whiten.bias", until=0.375),)


def test_groups_of_the_recipe_replace_those_of_the_mark():
    for mine in ([], [{"match": "*.bias", "lr": 64, "decay": 0.5, "until": 0.5}]):
        assert groups(made(optimizer={"name": "sgd", "groups": mine})) == mine


def test_what_a_rule_leaves_out_is_filled_in():
    assert groups(made(optimizer={"name": "sgd", "groups": [{"match": "head.*"}]})) == [
        {"match": "head.*", "lr": 1.0, "decay": 1.0, "until": 1.0}
    ]


def test_groups_survive_toml_and_change_the_id_only_if_there_are_any():
    with_rule, without = made(), made(optimizer={"name": "sgd", "groups": []})
    for recipe in (with_rule, without):
        again = resolve(tomllib.loads(recipe.to_toml()), catalog())
        assert again == recipe and again.recipe_id == recipe.recipe_id and hash(again) == hash(recipe)
    assert with_rule.recipe_id != without.recipe_id
    whole, decimal = (made(optimizer={"name": "sgd", "groups": [{"match": "*.bias", "lr": lr}]}) for lr in (64, 64.0))
    assert whole.recipe_id == decimal.recipe_id


def test_a_recipe_stored_before_there_were_groups_keeps_its_id():
    """The id is the one that was computed for this recipe before the fields existed."""
    table = made(optimizer={"name": "sgd", "groups": []}).to_table()
    for field in ("groups", "independent_decay"):
        del table["optimizer"][field]
    stored = resolve(with_younger_fields(table), catalog())
    assert stored.recipe_id == "b2dc0a805afb8941577ff02f7d8374c47e3d3ae22079e6154356cdad049675fb"
    assert groups(stored) == [] and stored.optimizer.options["independent_decay"] is False
    assert groups(resolve(table, catalog())) == MARK, "a preset follows the mark"


def test_a_damaged_section_is_left_to_the_usual_message():
    for damage in (3, "sgd", []):
        assert with_younger_fields(TABLE | {"optimizer": damage})["optimizer"] == damage
    assert with_younger_fields({}) == {}


BAD = [
    ([{"match": "a", "until": 2}], "optimizer.groups.0.until: got 2, needs <= 1"),
    ([{"match": "a", "until": 0}], "optimizer.groups.0.until: got 0, needs > 0"),
    ([{"match": "a", "lr": 0}], "optimizer.groups.0.lr: got 0, needs > 0"),
    ([{"match": "a", "decay": -1}], "optimizer.groups.0.decay: got -1, needs >= 0"),
    ([{"match": "a"}, {"match": ""}], "optimizer.groups.1.match: got '', needs at least 1 character"),
    ([{"lr": 2.0}], "optimizer.groups.0.match: missing"),
    ([{"match": "a", "rate": 2}], "unknown key optimizer.groups.0.rate"),
    ([["a", 1, 1, 1]], "needs a table"),
    ("*.bias", "optimizer.groups: got '*.bias', needs a list"),
]


@pytest.mark.parametrize(("rules", "message"), BAD)
def test_what_is_wrong_with_a_rule_is_said_in_one_line(rules: Any, message: str):
    with pytest.raises(BadInput) as error:
        made(optimizer={"name": "sgd", "groups": rules})
    (problem,) = error.value.problems
    assert message in problem


def test_a_users_own_model_has_rules_in_its_mark(tmp_path: Path):
    file = tmp_path / "own.py"
    file.write_text(
        "from engine.contract.catalog import register\n"
        "@register('model', title='Own', groups=(('stem.*', 0.1, 2.0, 0.5), ('*.bias', 2.0, 0.0, 1.0)))\n"
        "def own(num_classes: int = 10): ...\n"
    )
    recipe = resolve(TABLE | {"model": "own"}, catalog((file,)))
    assert groups(recipe) == [
        {"match": "stem.*", "lr": 0.1, "decay": 2.0, "until": 0.5},
        {"match": "*.bias", "lr": 2.0, "decay": 0.0, "until": 1.0},
    ]


@pytest.mark.parametrize("groups", ["(('stem.*', 0.1),)", "('stem.*', 0.1, 1.0, 0.5)", "3"])
def test_something_else_in_place_of_rules_in_a_mark_is_refused_with_its_line(tmp_path: Path, groups: str):
    file = tmp_path / "own.py"
    mark = f"@register('model', title='Own', groups={groups})"
    file.write_text(f"from engine.contract.catalog import register\n{mark}\ndef own(num_classes: int = 10): ...\n")
    with pytest.raises(BadInput, match=r"own\.py:3: groups: write each rule as \(match, lr, decay, until\)"):
        resolve(TABLE | {"model": "own"}, catalog((file,)))
