"""Whether a CPU trains faster on parts of a batch, whose activations fit into its caches, and of what size."""

from __future__ import annotations

import copy
from typing import Final

import torch
from torch import Tensor, nn

from engine.loop.probe import time_step
from engine.models.ghost import GhostBatchNorm2d

SMALLEST: Final = 16
"""Images of the smallest part that is tried."""
WORTH_IT: Final = 1.1
"""How many times faster parts must be than whole batches."""
COST: Final = 4
"""Images of all trials relative to a batch: sizes that halve, each measured after a first pass."""
BATCH_NORM: Final = nn.modules.batchnorm._BatchNorm
APART: Final = 1e-3
"""Largest relative difference that counts as rounding between results in fp32."""


def sizes(batch_size: int, ghost: int) -> list[int]:
    """The sizes to try, from the whole batch down; each divides the batch and consists of whole ghost batches."""
    found = [batch_size]
    while found[-1] % 2 == 0 and found[-1] // 2 >= SMALLEST and not (ghost and found[-1] // 2 % ghost):
        found.append(found[-1] // 2)
    return found


def splittable(model: nn.Module, images: Tensor) -> bool:
    """Whether training on the two halves of a batch, one after the other, is the same as on the whole, up to rounding.

    It is not if an image's logits depend on the other images (batch norm), or on random numbers, which the halves would
    draw in another order (dropout). With ghost batches it is, if each half consists of whole ghost batches.

    Args:
        model: neither it nor torch's random state is changed.
        images: an even number of normalized images (B, C, H, W) on the CPU.
    """
    if any(isinstance(part, BATCH_NORM) and not isinstance(part, GhostBatchNorm2d) for part in model.modules()):
        return False  # without trying
    whole, half = (copy.deepcopy(model).train() for _ in range(2))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        state = torch.get_rng_state()
        logits = whole(images)
        if not torch.equal(state, torch.get_rng_state()):
            return False
        parts = torch.cat([half(part) for part in images.chunk(2)])
    pairs = [(logits, parts), *zip(whole.buffers(), half.buffers(), strict=True)]
    return all(_equal(one.double(), other.double()) for one, other in pairs)


def choose_micro_batch(
    model: nn.Module, images: Tensor, candidates: list[int], *, bf16: bool
) -> tuple[int, float, dict[int, float]]:
    """The images in a part, 0 for whole batches; how many times faster the best parts are; seconds an image by size.

    Args:
        model: trained on in the trial; neither the model nor torch's random state is changed.
        images: a batch of normalized images (B, C, H, W) on the CPU.
        candidates: from `sizes`.
    """
    per_image: dict[int, float] = {}
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model)
        for size in candidates:
            time_step(trial, images[:size], bf16=bf16)
            per_image[size] = time_step(trial, images[:size], bf16=bf16) / size
    best = min(per_image, key=lambda size: per_image[size])
    gain = per_image[candidates[0]] / per_image[best]
    return best if gain >= WORTH_IT else 0, gain, per_image


def _equal(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= APART * (one.abs().max() + 1e-12)) if one.numel() else True
