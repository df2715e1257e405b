"""Builds a model from the recipe's choice."""

from __future__ import annotations

from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.models.ghost import use_ghost_batches
from engine.models.reinit import reinit


def build_model(
    choice: Choice, *, num_classes: int, in_channels: int = 3, image_size: int = 32, catalog: Catalog
) -> nn.Module:
    """Build the chosen model on the current default device (the meta device too).

    The builder is given those of `num_classes`, `in_channels` and `image_size` that its signature names, and the
    options of the choice. The options that every model takes are then applied to the result. Logits are (B,
    num_classes) for images (B, in_channels, image_size, image_size).

    Raises:
        BadInput: the name is unknown, or ghost batches are asked for in a model without batch norm.
        TypeError: the builder requires an argument that models are not given.
    """
    part = catalog.get("model", choice.name)
    facts = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    if unknown := sorted(set(part.positional) - set(facts)):
        raise TypeError(f"{part.path}:{part.line}: a model is given {', '.join(facts)}, not {', '.join(unknown)}")
    common = {param.name: choice.options.get(param.name, param.default) for param in COMMON["model"]}
    own = {name: value for name, value in choice.options.items() if name not in common}
    model: nn.Module = catalog.load(part)(**{name: facts[name] for name in part.positional}, **own)
    if common["reinit"] != "off":
        reinit(model, common["reinit"])
    if common["ghost_batch"] and not use_ghost_batches(model, common["ghost_batch"]):
        raise BadInput(f"model.ghost_batch: {part.name} has no batch norm")
    return model
