"""Reproducible randomness: torch's generators and deterministic algorithms.

The order of images and the draws of augmentation are functions of (seed, epoch, step) and use no generator of torch.
Weight initialization and modules such as dropout do, so a checkpoint stores the states of torch's generators.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor


def seed_torch(seed: int) -> None:
    """Seed every torch generator (CPU and all accelerators) with the seed of the run."""
    torch.manual_seed(seed)


def set_deterministic(on: bool) -> None:
    """Use only algorithms that give bit-identical results in every run; an op without one raises RuntimeError.

    Call this before any work on the GPU, because cuBLAS reads its workspace setting for the first kernel that needs it.
    When off, cuDNN may try several algorithms for each shape and keep the fastest (`cudnn.benchmark`).
    """
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if on != torch.are_deterministic_algorithms_enabled():  # setting it imports the compiler: as long as torch takes
        torch.use_deterministic_algorithms(on)
    # Filling takes time, and nothing here reads uninitialized memory. torch turns this module into a class with a
    # property, which its types do not show.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = not on


def rng_state(device: torch.device) -> dict[str, Tensor]:
    """The states of the generators that modules on `device` use, as byte tensors on the host."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_rng_state(states: dict[str, Tensor], device: torch.device) -> bool:
    """Restore states; returns False if there is none for this type of device, because it was saved on another type."""
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
