"""Whether a recipe, its model and its data fit together, as far as only both together can tell."""

from __future__ import annotations

import torch
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.conflicts import lonely, single_pixels
from engine.contract.recipe.ranks import indivisible
from engine.contract.recipe.schema import Recipe
from engine.contract.run.teacher import is_distilled
from engine.data.load import DataSet
from engine.distributed import World
from engine.loop.layout import memory_format
from engine.loop.teacher import Teacher
from engine.models.norms import normalizes_single_pixels


def inputs(recipe: Recipe, data: DataSet, parts: Catalog, teachers: tuple[Teacher, ...]) -> None:
    """Raise BadInput if the loss lacks its teacher, or if there are fewer training images than a batch."""
    if is_distilled(recipe, parts) and not teachers:
        raise BadInput(f"loss = {recipe.loss.name} needs a teacher, which only a run has; use cross_entropy here")
    if len(data.train) < recipe.batch_size:
        problem = f"batch_size = {recipe.batch_size}: the training set has only {len(data.train)} images"
        raise BadInput(f"{problem}; use a smaller batch or more training images")


def shares(recipe: Recipe, data: DataSet, world: World) -> None:
    """Raise BadInput if the batches of an epoch do not divide among the ranks."""
    if problem := indivisible(recipe, world.size, len(data.train)):
        raise BadInput(problem)


def batch_norm(recipe: Recipe, data: DataSet, model: nn.Module, device: torch.device) -> None:
    """Raise BadInput if a batch of one image would reach a batch norm over a single pixel, which has no variance."""
    alone = lonely(recipe, len(data.train))
    one_image = torch.zeros(1, data.channels, data.image_size, data.image_size, device=device)
    layout = memory_format(recipe.compute.channels_last)
    if alone and normalizes_single_pixels(model, one_image.to(memory_format=layout)):
        raise BadInput(single_pixels(recipe, alone))
