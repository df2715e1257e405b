"""Saving: a preset of the user's own is the same recipe, under a name that is never a path."""

import tomllib

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from presets import loader
from presets.loader import Edits
from presets.references import recipe_of
from presets.saving import save

PARTS = catalog()


def test_a_saved_preset_is_the_same_recipe():
    recipe = recipe_of("resnet34_cutmix", PARTS, Edits(fields={"epochs": 3}))
    path = save("my_cutmix", recipe)
    assert recipe_of("my_cutmix", PARTS).recipe_id == recipe.recipe_id
    assert tomllib.loads(path.read_text()) == recipe.to_table()
    with pytest.raises(BadInput, match="already exists"):
        save("my_cutmix", recipe)


@pytest.mark.parametrize("name", ["../evil", "/etc/x", "", "a b", "-rf", "A", "x" * 65, "a/b", "ünïcode"])
def test_a_preset_name_is_never_a_path(name):
    with pytest.raises(BadInput, match="preset name"):
        save(name, recipe_of("quickstart", PARTS))


def test_a_preset_is_only_replaced_on_request():
    save("mine", recipe_of("quickstart", PARTS, Edits(fields={"epochs": 3})))
    save("mine", recipe_of("quickstart", PARTS, Edits(fields={"epochs": 4})), replace=True)
    assert recipe_of("mine", PARTS).epochs == 4


def test_parts_of_ones_own_cannot_be_saved(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        'from engine.contract.catalog import register\n\n\n'
        '@register("loss", title="Mine")\ndef mine(num_classes):\n    """A loss."""\n'
    )  # fmt: skip
    recipe = recipe_of("quickstart", catalog((mine,)), Edits(sets=["loss=mine"]))
    with pytest.raises(BadInput, match=r"'own' was not saved: loss: .*; a preset cannot contain parts of your own"):
        save("own", recipe)
    assert not (loader.user_folder() / "recipes").exists()


@pytest.mark.usefixtures("mortal")
def test_a_folder_that_cannot_be_written_to_is_named():
    loader.user_folder().mkdir(parents=True)
    loader.user_folder().chmod(0o500)
    try:
        with pytest.raises(BadInput, match="cannot save .*mine.toml: Permission denied"):
            save("mine", recipe_of("quickstart", PARTS))
    finally:
        loader.user_folder().chmod(0o700)
