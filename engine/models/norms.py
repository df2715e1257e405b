"""What batch norm requires of a batch: at least two values per channel in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def normalizes_single_pixels(model: nn.Module, image: Tensor) -> bool:
    """Whether a batch norm of the model sees 1x1 maps, so that a batch of one image cannot train it.

    The model evaluates one image (1, C, H, W), which batch norm allows; the random number generators are restored.
    """
    seen: list[bool] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numel() == inputs[0].shape[1]))
        for module in model.modules()
        if isinstance(module, _BatchNorm)
    ]
    training = model.training
    try:
        with torch.random.fork_rng(devices=[image.device] if image.is_cuda else []):
            model.eval()(image)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return any(seen)
