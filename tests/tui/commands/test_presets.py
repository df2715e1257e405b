"""What a recipe promises: an accuracy of several views of an image names the views; and what `show` prints."""

import json
import tomllib

import pytest
from pydantic import ValidationError

from engine.contract.recipe.schema import Promise
from presets.loader import user_folder
from tui.commands.presets import expect


def test_an_accuracy_of_views_names_them():
    with pytest.raises(ValidationError, match="give both or neither"):
        Promise(accuracy=0.93, source="measured", tta_accuracy=0.94)
    with pytest.raises(ValidationError, match="give both or neither"):
        Promise(accuracy=0.93, source="measured", tta="crops")
    promise = Promise(accuracy=0.93, source="measured", tta="crops", tta_accuracy=0.94)
    assert expect(promise.model_dump()) == "93.00 (n=1), TTA 94.00"
    assert expect(Promise(accuracy=0.93, source="a paper").model_dump()) == "93.00 reported"


def test_a_preset_is_shown_with_the_parameter_groups_of_its_models_mark(cli):
    file = user_folder() / "recipes" / "net.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('model = "airbench94"\nepochs = 2\nbatch_size = 8\naugmentation = []\noptimizer = "sgd"\n')
    rule = {"match": "whiten.bias", "lr": 1.0, "decay": 1.0, "until": 0.375}
    assert tomllib.loads(cli("presets", "show", "net").out)["optimizer"]["groups"] == [rule]
    assert json.loads(cli("presets", "show", "net", "--json").out)["recipe"]["optimizer"]["groups"] == [rule]
