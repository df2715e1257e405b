"""A training step in every mode of execution: eager or compiled, operation by operation or as one CUDA graph.

`ms` is the time per step of a loop that never waits for the device. `GPU ms` is the time that the kernels of an eager
forward and backward pass take together: if `ms` is far larger, the GPU waits for the host. The batch never changes, so
that data loading and augmentation have no effect.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any, Final

import torch

from bench.engine import built, images, recipe
from engine.contract.recipe.schema import Recipe
from engine.loop.compiling import step_seconds
from engine.loop.hardware import choose_device
from engine.loop.steps import EAGER_STEPS, TrainStep
from engine.train import make_steps

NETS: Final = (("resnet34", 128), ("resnet18", 512), ("resnet34", 512), ("resnet20", 128), ("wrn_28_10", 128))
STEPS: Final = {"cuda": 50, "cpu": 3}
ROUNDS: Final = 3


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """Every model in every mode, eager modes first; on a CPU only the smallest model, since others take minutes."""
    device = choose_device("auto")
    nets = [("resnet20", 128)] if device.type == "cpu" else NETS[:2] if quick else NETS
    for compile in ("off", "default") if device.type == "cuda" else ("off",):
        for model, batch in nets:
            yield from modes(model, batch, compile, device)


def modes(model: str, batch: int, compile: str, device: torch.device) -> Iterator[dict[str, Any]]:
    """The rows of one model: without a graph and, on CUDA, with one."""
    chosen = recipe(model, [], batch=batch, compile=compile)
    data = images(batch)
    for graph in ("off", "on") if device.type == "cuda" else ("off",):
        mode = chosen.model_copy(update={"compute": chosen.compute.model_copy(update={"graph": graph})})
        yield {"net": model, "batch": batch, "compile": compile, "graph": graph} | timed(mode, data, device)


def timed(chosen: Recipe, data: Any, device: torch.device) -> dict[str, Any]:
    """Milliseconds per step, images per second, and the seconds until steps run at full speed."""
    began = time.perf_counter()
    setup = built(chosen, data, device)
    x, y = setup.augmented(setup.train.images, setup.train.labels, 0, 0)
    setup.model.train()
    _, step = make_steps(setup, chosen)
    for _ in range(EAGER_STEPS + 1):
        step_time(step, x, y, 1)
    ready = time.perf_counter() - began
    seconds = statistics.median(step_time(step, x, y, STEPS[device.type]) for _ in range(ROUNDS))
    row = {
        "ms": 1e3 * seconds,
        "img/s": len(x) / seconds,
        "s until then": ready,
        "precision": setup.decisions.precision,
    }
    if device.type == "cuda":
        row["GPU ms"] = 1e3 * step_seconds(setup.model, x, bf16=setup.decisions.precision == "bf16")
    return row


def step_time(step: TrainStep, x: torch.Tensor, y: torch.Tensor, times: int) -> float:
    """Seconds per step, averaged over `times` steps."""
    began = time.perf_counter()
    for _ in range(times):
        loss, _, _ = step(x, y)
    loss.item()
    return (time.perf_counter() - began) / times
