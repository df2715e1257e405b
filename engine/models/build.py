"""From a model choice of the recipe to a module."""

from __future__ import annotations

from torch import nn

from engine.contract.catalog import Catalog
from engine.contract.recipe import Choice


def build_model(
    choice: Choice, *, num_classes: int, in_channels: int = 3, image_size: int = 32, catalog: Catalog
) -> nn.Module:
    """Build the chosen model on the current default device (the meta device too).

    The builder gets those of `num_classes`, `in_channels` and `image_size` that its signature names, and the choice's
    options. Logits are (B, num_classes) for images (B, in_channels, image_size, image_size).

    Raises:
        BadInput: an unknown name.
        TypeError: a builder asks for something that models are not told.
    """
    part = catalog.get("model", choice.name)
    facts = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    if unknown := sorted(set(part.positional) - set(facts)):
        raise TypeError(f"{part.path}:{part.line}: a model is told {', '.join(facts)}, not {', '.join(unknown)}")
    builder = catalog.load(part)
    model: nn.Module = builder(**{name: facts[name] for name in part.positional}, **choice.options)
    return model
