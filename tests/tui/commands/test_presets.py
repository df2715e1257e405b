"""What a recipe promises: an accuracy of several views of an image names the views."""

import pytest
from pydantic import ValidationError

from engine.contract.recipe.schema import Promise
from tui.commands.presets import expect


def test_an_accuracy_of_views_names_them():
    with pytest.raises(ValidationError, match="give both or neither"):
        Promise(accuracy=0.93, source="measured", tta_accuracy=0.94)
    with pytest.raises(ValidationError, match="give both or neither"):
        Promise(accuracy=0.93, source="measured", tta="crops")
    promise = Promise(accuracy=0.93, source="measured", tta="crops", tta_accuracy=0.94)
    assert expect(promise.model_dump()) == "93.00 (n=1), TTA 94.00"
    assert expect(Promise(accuracy=0.93, source="a paper").model_dump()) == "93.00 reported"
