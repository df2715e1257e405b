"""Randomness that can be repeated: torch's generators and the deterministic switch.

Orders and augmentation draws need none of this: they are functions of (seed, epoch, step). What is left for torch is
the start of the weights and what modules draw for themselves (dropout), so a checkpoint keeps torch's states.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor


def seed_torch(seed: int) -> None:
    """Start every torch generator (CPU and all accelerators) from the run's seed."""
    torch.manual_seed(seed)


def set_deterministic(on: bool) -> None:
    """Allow only algorithms that give the same bits on every run; an op that has none raises RuntimeError.

    cuBLAS reads its workspace setting when the first kernel needs it, so this comes before any work on the GPU.
    Without it cuDNN may try several algorithms for each shape and keep the fastest (`cudnn.benchmark`).
    """
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(on)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, and nothing here reads such memory
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = not on


def rng_state(device: torch.device) -> dict[str, Tensor]:
    """The states of the generators that modules on `device` draw from, as byte tensors on the host."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_rng_state(states: dict[str, Tensor], device: torch.device) -> bool:
    """Put states back; False where the checkpoint has none for this kind of device (it was made on another)."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cpu":
        return True
    if device.type not in states:
        return False
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    else:
        torch.mps.set_rng_state(states["mps"])
    return True
