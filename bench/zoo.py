"""Training speed of every model in images per second, next to its arithmetic: slow implementations stand out.

A step is the engine's own (`train_step` with SGD) on one fixed batch, channels-last, in the precision that the engine
chooses. On a CPU, the process's own CPU time counts, so that other programs have little effect, and figures are per
core. A training step takes about three times the arithmetic of a forward pass, and a multiply-add is two operations, so
GFLOP/s are images per second times six GMACs. Norms, activations and copies do not count as arithmetic on purpose: the
figure shows how much of the machine's speed is left for the model's definition.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Iterator
from functools import cache, partial
from typing import Final

import torch
from torch import Tensor

from bench.figures import Row, figure
from bench.loops import built, images, limit_rate, recipe
from bench.plan import Case, Wishes
from engine.contract.recipe.catalog import Part, catalog
from engine.data.load import DataSet
from engine.loop.hardware import choose_device
from engine.loop.steps import EAGER_STEPS, TrainStep
from engine.train import make_steps

BATCH: Final = 128
CPU_BATCH: Final = 32
OPERATIONS: Final = 6  # two per multiply-add, for forward pass, gradient of the activations, gradient of the weights
CPU_LIMIT: Final = 0.6  # GMACs; larger models take long on a CPU
SECONDS: Final = 2.0
ROUNDS: Final = 5

PEAKS: Final = {
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
}
"""Dense bf16 operations per second; the first matching name is used, and GPUs that are not listed are measured.

From NVIDIA's data sheets. Some of them give twice as much, with sparsity: H100 SXM and H200 1,979, H100 PCIe 1,513, L4
242 TFLOPS. Others give figures without: A100 312 and L40S 362.05 TFLOPS.
"""


def cases(wishes: Wishes) -> Iterator[Case]:
    """A case per model in order of GMACs, on a CPU up to `CPU_LIMIT`; `quick` measures one model per family."""
    device = choose_device("auto")
    limit = CPU_LIMIT if device.type == "cpu" else float("inf")
    models = [part for part in catalog().parts("model") if part.meta["gmacs"] <= limit]
    models.sort(key=lambda part: float(part.meta["gmacs"]))
    if wishes.quick:
        cheapest: dict[str, Part] = {}
        for part in models:
            cheapest.setdefault(part.meta["family"], part)
        models = list(cheapest.values())
    seconds = SECONDS / 10 if wishes.quick else SECONDS
    for part in models:
        slow = part.meta["gmacs"] * (5 if device.type == "cpu" else 0.5)  # seconds of the steps that warm up
        yield Case("zoo", part.name, 3, 1 + slow + seconds, partial(measure, part, device, seconds))


def measure(part: Part, device: torch.device, seconds: float) -> Iterator[Row]:
    """One model at the largest batch size of 128, 64, 32, ... that fits into GPU memory; at 32 on a CPU."""
    batch, data = CPU_BATCH if device.type == "cpu" else BATCH, images(BATCH)
    while True:
        try:
            precision, speed = _speed(part.name, data, device, batch, seconds)
            break
        except torch.OutOfMemoryError:
            if batch == 1:
                raise
            batch //= 2
    work = part.meta["gmacs"] * 1e9 * OPERATIONS
    row = {
        "model": part.name,
        "family": part.meta["family"],
        "M params": part.meta["params"] / 1e6,
        "GMACs": part.meta["gmacs"],
        "batch": batch,
        "precision": precision,
        "img/core-s" if device.type == "cpu" else "img/s": figure(speed),
        "GFLOP/s": figure([work * rate / 1e9 for rate in speed]),
    }
    if device.type == "cuda":
        row["of bf16 peak"] = figure([work * rate / peak_of(device) for rate in speed])
    yield row


def _speed(name: str, data: DataSet, device: torch.device, batch: int, seconds: float) -> tuple[str, list[float]]:
    """Precision, and images per second in each round, after warm-up steps."""
    gc.collect()  # frees what a failed attempt with a larger batch still holds
    torch.cuda.empty_cache()
    chosen = recipe(name, [])
    setup = built(chosen, data, device)
    setup.model.train()
    x, y = setup.augmented(setup.train.images[:batch], setup.train.labels[:batch], 0, 0)
    _, step = make_steps(setup, chosen)
    limit_rate(step, x, y, EAGER_STEPS + 1)  # the last of these steps records the CUDA graph
    steps = max(1, round(seconds * limit_rate(step, x, y, 1) / batch / ROUNDS))
    measured = core_rate if device.type == "cpu" else limit_rate
    return setup.decisions.precision, [measured(step, x, y, steps) for _ in range(ROUNDS)]


def core_rate(step: TrainStep, x: Tensor, y: Tensor, steps: int) -> float:
    """Images per second of CPU time."""
    began = time.process_time()
    for _ in range(steps):
        step(x, y)
    return steps * len(x) / (time.process_time() - began)


@cache
def peak_of(device: torch.device) -> float:
    """bf16 operations per second of a GPU: from its data sheet or, for other GPUs and MIG slices, measured."""
    name = torch.cuda.get_device_name(device)
    if "MIG" not in name:
        for words, peak in PEAKS.items():
            if re.search(rf"\b{re.sub(' ', '.*', words)}\b", name):
                return peak
    return measured_peak(device)


def measured_peak(device: torch.device, side: int = 8192, times: int = 50) -> float:
    """Operations per second of a product of two square bf16 matrices."""
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    a @ a
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(times):
        a @ a
    torch.cuda.synchronize(device)
    return times * 2 * side**3 / (time.perf_counter() - began)
