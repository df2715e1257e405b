"""The process that compares weights with a model, as it is really started."""

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.run.initial import with_initial
from engine.launch.incoming import check_initial
from engine.models.build import build_model

TABLE = {"epochs": 1, "batch_size": 32, "model": "lenet", "optimizer": {"name": "sgd", "lr": 0.1}}


def test_weights_are_compared_by_a_process_that_imports_torch(tmp_path):
    file, parts = tmp_path / "x.pth", catalog()
    recipe = resolve(TABLE | {"init_from": str(file)}, parts)
    torch.save(build_model(recipe.model, num_classes=100, catalog=parts).state_dict(), file)
    found, initial = with_initial(recipe, [])
    assert check_initial(found, initial, parts, ()).endswith("100 classes, not 10")
    torch.save({"a": torch.ones(1)}, file)
    with pytest.raises(BadInput, match=r"^init_from: .*these weights have changed"):
        check_initial(resolve(found.to_table() | {"model": "resnet20"}, parts), initial, parts, ())  # another question
