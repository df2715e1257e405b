"""From a choice to a module: aliases, options, a user's own file, and words for mistakes."""

from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.resnet import ResNet

OWN = '''
from torch import nn
from engine.contract.catalog import register

@register("model", title="Own")
def own(num_classes: int, image_size: int):
    """One linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * image_size**2, num_classes))

@register("model", title="Greedy")
def greedy(num_classes: int, epochs: int):
    """Asks for what models are not told."""
'''


def test_the_other_projects_names_are_aliases() -> None:
    model = build_model(Choice(name="ResNet18"), num_classes=10, catalog=catalog())
    assert isinstance(model, ResNet)


def test_options_reach_the_builder() -> None:
    model = build_model(Choice(name="resnet20", zero_init_residual=True), num_classes=10, catalog=catalog())
    assert not model.stages[0][0].body[-1][-1].weight.any()


def test_an_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"unknown model 'resnt18'; did you mean (?i:resnet18)"):
        build_model(Choice(name="resnt18"), num_classes=10, catalog=catalog())


def test_a_users_own_builder_gets_just_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    parts = catalog((file,))
    assert build_model(Choice(name="own"), num_classes=5, image_size=8, catalog=parts)[1].weight.shape == (5, 192)
    with pytest.raises(
        TypeError, match=r"own\.py:11: a model is given num_classes, in_channels, image_size, not epochs"
    ):
        build_model(Choice(name="greedy"), num_classes=5, catalog=parts)
