"""A model with given weights, and its logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Choice
from engine.data.load import DataSet
from engine.models.build import build_model

BATCH: Final = 100
"""Images that go through a model at a time."""


def with_weights(choice: Choice, state: Mapping[str, Tensor], parts: Catalog, data: DataSet) -> nn.Module:
    """The chosen model for these data on the CPU, with the weights of a state dict, in eval mode."""
    model = build_model(
        choice, num_classes=len(data.classes), in_channels=data.channels, image_size=data.image_size, catalog=parts
    )
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, classes) in fp32 of a model in eval mode, for normalized images (N, C, H, W)."""
    return torch.cat([model(batch) for batch in images.split(BATCH)])
