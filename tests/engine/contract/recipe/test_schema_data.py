"""What a recipe may say of its data: slices, normalisation constants, and what grey images do not allow."""

from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Recipe


def with_data(data: dict[str, Any], **changes: Any) -> Recipe:
    table = {"epochs": 1, "batch_size": 8, "model": "lenet", "optimizer": {"name": "sgd", "lr": 0.1}, "data": data}
    return resolve(table | changes, catalog())


@pytest.mark.parametrize("text", ["first:0.5", "first:.5", "first:5e-1", "first:0.50"])
def test_a_slice_has_one_form_so_that_equal_recipes_have_one_id(text):
    recipe = with_data({"train_slice": text, "test_slice": text})
    assert recipe.data.train_slice == recipe.data.test_slice == "first:0.5"
    assert recipe.recipe_id == with_data({"train_slice": "first:0.5", "test_slice": "first:0.5"}).recipe_id


@pytest.mark.parametrize(
    "text", ["", "half", "first", "first:", "first:0", "first:1", "first:-0.1", "first:nan", "0.5"]
)
@pytest.mark.parametrize("field", ["train_slice", "test_slice"])
def test_any_other_slice_is_refused_by_name(field, text):
    with pytest.raises(BadInput, match=rf'data\.{field}: got .*, needs "all" or "first:X" with 0 < X < 1'):
        with_data({field: text})


def test_given_constants_survive_the_way_through_a_file():
    recipe = with_data({"normalize": "given", "mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010]})
    assert (recipe.data.mean, recipe.data.std) == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    assert resolve(recipe.to_table(), catalog()) == recipe
    assert "mean = [" in recipe.to_toml()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"normalize": "given"}, r"data\.mean: got 0 values, needs 3, one per channel"),
        (
            {"normalize": "given", "mean": [0.5], "std": [0.5] * 3},
            r"data\.mean: got 1 values, needs 3, one per channel",
        ),
        (
            {"normalize": "given", "mean": [0.5] * 3, "std": [0.5] * 2},
            r"data\.std: got 2 values, needs 3, one per channel",
        ),
        ({"normalize": "given", "mean": [0.5] * 3, "std": [0.5, 0.5, 0]}, r"data\.std: got 0, needs > 0"),
        ({"normalize": "given", "mean": [0.5] * 3, "std": ["x"] * 3}, r"data\.std"),
        (
            {"name": "mnist", "normalize": "given", "mean": [0.5] * 3, "std": [0.5]},
            r"data\.mean: got 3 values, needs 1, one per channel",
        ),
        ({"std": [0.5] * 3}, r'data\.std: only used with data\.normalize = "given"'),
        ({"normalize": "mean"}, r"data\.normalize: got 'mean', needs 'train', 'test', 'none' or 'given'"),
    ],
)
def test_constants_that_cannot_be_used_are_refused_by_name(data, message):
    with pytest.raises(BadInput, match=message):
        with_data(data)


def test_one_constant_each_is_enough_for_grey_images():
    recipe = with_data({"name": "mnist", "normalize": "given", "mean": [0.1307], "std": [0.3081]})
    assert recipe.data.mean == (0.1307,)


def test_a_model_that_is_not_told_of_channels_takes_colours_only(tmp_path: Path):
    own = tmp_path / "own.py"
    own.write_text(
        """
from engine.contract.catalog import register

@register("model", title="For colours")
def for_colours(num_classes=10):
    \"\"\"It is not told how many channels there are.\"\"\"
"""
    )
    table = {"epochs": 1, "batch_size": 8, "model": "for_colours", "optimizer": {"name": "sgd", "lr": 0.1}}
    known = catalog((own,))
    assert resolve(table, known).model.name == "for_colours"
    with pytest.raises(BadInput, match="for_colours takes images with 3 channels; those of mnist have 1"):
        resolve(table | {"data": {"name": "mnist"}}, known)


def test_every_model_of_ours_is_told_of_channels():
    assert all("in_channels" in part.positional for part in catalog().parts("model"))
