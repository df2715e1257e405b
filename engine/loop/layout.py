"""Where a model lies in memory: its device, and the order of its axes."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def memory_format(channels_last: bool) -> torch.memory_format:
    """The memory format of images and weights: `compute.channels_last` as torch names it."""
    return torch.channels_last if channels_last else torch.contiguous_format


def place(model: Module, device: torch.device, layout: torch.memory_format) -> Module:
    """Move a model to `device` in the given memory format; the same model is returned."""
    # torch's types lack this pair of arguments.
    placed: Module = model.to(device, memory_format=layout)  # type: ignore[call-overload]
    return placed
