"""What a run computes, as far as it matters for how the arithmetic is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.data.device import Resident, steps_of_training, steps_per_epoch
from engine.loop.hardware import cpu_name, usable_cores
from engine.loop.layout import memory_format
from engine.loop.probe_cache import key_of

PROBE_BATCH = 32  # images; larger batches gain as much from bf16


@dataclass(frozen=True, slots=True)
class Workload:
    """What a run computes, as far as it matters for how the arithmetic is done."""

    few: Tensor
    """Normalized images (B, C, H, W) on the device, for trials of threads and precisions."""
    batch: Callable[[], Tensor]
    """Makes a full batch of such images."""
    steps: int
    """In the whole run."""
    images: int
    """Number of images that the whole run trains on."""
    key: str = ""
    """Names the work in the cache of earlier trials; "" uses no cache."""
    divisible: bool = False
    """Whether a batch may be trained on in parts: the recipe neither says how many nor asks for the same bits in every
    run, and its loss is a mean over the images."""
    ghost: int = 0
    """Images of a ghost batch; 0 without."""
    graph: bool = False
    """Whether a training step is to be one CUDA graph if the device is a CUDA device."""


def workload_of(
    recipe: Recipe, train: Resident, normalize: Callable[[Tensor], Tensor], parts: Catalog, *, graph: bool
) -> Workload:
    """The run's work, with the first training images as examples of its batches."""
    layout = memory_format(recipe.compute.channels_last)

    def first_images(count: int) -> Tensor:
        return normalize(train.images[:count]).contiguous(memory_format=layout)

    steps = steps_of_training(recipe.epochs, steps_per_epoch(len(train), recipe.batch_size, recipe.last_batch))
    undivided = recipe.compute.accumulate == 1 and not recipe.compute.deterministic
    return Workload(
        few=first_images(min(PROBE_BATCH, recipe.batch_size)),
        batch=partial(first_images, recipe.batch_size),
        steps=steps,
        images=steps * recipe.batch_size,
        key=key_of(recipe, parts, (cpu_name(), str(usable_cores()), torch.__version__)),
        divisible=undivided and parts.get("loss", recipe.loss.name).module.startswith("engine."),
        ghost=int(recipe.model.options.get("ghost_batch", 0)),
        graph=graph,
    )
