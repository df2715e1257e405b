"""Whether torch.compile works here, and whether it pays for a run."""

from __future__ import annotations

import copy
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TIMED_STEPS: Final = 4
BUSY: Final = 100_000_000  # clock cycles, about 50 ms: longer than the host takes to launch a step of any net here

GAIN: Final = 0.2
"""Part of a step that compiling saves, about: 15 % of ResNet-34 at batch 128, 27 % of ResNet-18 at 512 on an H200."""

SECONDS: Final = 10.0
SECONDS_PER_TENSOR: Final = 0.12
"""What compiling costs: 17 to 19 s were seen for 62 parameter tensors (ResNet-18) and 22 s for 110 (ResNet-34), with 16
cores and an empty cache."""


def compile_problem(device: torch.device) -> str:
    """Why torch.compile does not work on this machine (no C++ compiler, say); "" where it does."""
    try:
        torch.compile(torch.neg)(torch.ones(2, device=device))
    except torch._dynamo.exc.TorchDynamoException as error:
        return str(error).strip().splitlines()[0]
    return ""


def pays(model: nn.Module, batch: Tensor, steps: int, *, bf16: bool) -> bool:
    """Whether compiling a model is likely to save more time in a run than it takes.

    Only for steps that are CUDA graphs: launched one by one, compiled kernels gained nothing on an H200 (ResNet-34 at
    batch 128 16.0 ms, eager 12.3), because the host is what such a step waits for.

    Args:
        model: on a GPU; neither it nor torch's random numbers are changed.
        batch: normalised images (B, C, H, W), as many as a step takes.
        steps: of the whole run.
    """
    cost = SECONDS + SECONDS_PER_TENSOR * sum(1 for _ in model.parameters())
    return GAIN * steps * step_seconds(model, batch, bf16=bf16) > cost


def step_seconds(model: nn.Module, batch: Tensor, *, bf16: bool) -> float:
    """Seconds that a GPU works on one forward and backward pass, without the gaps in which it waits for the host."""
    labels = torch.zeros(len(batch), dtype=torch.long, device=batch.device)
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    taken: list[float] = []
    with torch.random.fork_rng(devices=[batch.device]):
        trial = copy.deepcopy(model).train()
        for _ in range(TIMED_STEPS):
            trial.zero_grad()
            torch.cuda._sleep(BUSY)  # while the GPU is busy, the host launches everything ahead
            began.record()
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
                logits = trial(batch)
            F.cross_entropy(logits.float(), labels).backward()
            ended.record()
            ended.synchronize()
            taken.append(began.elapsed_time(ended) / 1e3)
    return min(taken)
