"""The options that every model takes, on every model of the catalog."""

import pytest
import torch
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.ghost import GhostBatchNorm2d
from tests.engine.models.shapes import ShapesOnly, blank

MODELS = catalog().parts("model")
RULES = [rule for param in COMMON["model"] if param.name == "reinit" for rule in param.choices if rule != "off"]


def build(part: Part, **options: object) -> nn.Module:
    return build_model(Choice(name=part.name, **options), num_classes=10, catalog=catalog())


def kinds(model: nn.Module) -> list[type]:
    return [type(module) for module in model.modules()]


def smallest() -> dict[str, Part]:
    """The model of each family with the fewest multiplications, where that is built in a moment."""
    families: dict[str, Part] = {}
    for part in sorted(MODELS, key=lambda part: part.meta["gmacs"], reverse=True):
        if part.meta["params"] < 1e7:
            families[part.meta["family"]] = part
    return families


SMALLEST = list(smallest().values())
EVERY = [pytest.param(part, id=part.name, marks=() if part in SMALLEST else pytest.mark.slow) for part in MODELS]


@pytest.mark.parametrize("part", EVERY)
def test_ghost_batches_reach_every_batch_norm_and_change_no_name(part: Part) -> None:
    plain = blank(part.name)
    norms = kinds(plain).count(nn.BatchNorm2d)
    if not norms:
        with pytest.raises(BadInput, match=f"{part.name} has no batch norm"):
            blank(part.name, ghost_batch=2)
        return
    ghosts = blank(part.name, ghost_batch=2, reinit="orthogonal").train()
    with torch.no_grad(), ShapesOnly():
        assert ghosts(torch.randn(4, 3, 32, 32, device="meta")).shape == (4, 10)
    assert kinds(ghosts).count(GhostBatchNorm2d) == norms and nn.BatchNorm2d not in kinds(ghosts)
    assert list(ghosts.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize("part", [part for part in SMALLEST if part.meta["params"] < 2e6], ids=lambda part: part.name)
def test_every_rule_redraws_a_real_model_that_still_gives_finite_logits(part: Part) -> None:
    images = torch.randn(4, 3, 32, 32)
    torch.manual_seed(0)
    plain = build(part).state_dict()
    for rule in RULES:
        torch.manual_seed(0)
        model = build(part, reinit=rule)
        changed = [name for name, value in model.state_dict().items() if not torch.equal(value, plain[name])]
        layers = {
            f"{name}.{kind}"
            for name, module in model.named_modules()
            for kind in ("weight", "bias")
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd)
        }
        assert changed and set(changed) <= layers
        with torch.no_grad():
            assert model(images).isfinite().all()
