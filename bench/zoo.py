"""Training speed of every model in images per second, next to its arithmetic: slow implementations stand out.

A step is the engine's own (`train_step` with SGD) on one fixed batch, channels-last, in the precision that the engine
chooses. On a CPU, the fastest of several steps counts, by the process's own CPU time, so that other programs have
little effect, and figures are per core. A training step takes about three times the arithmetic of a forward pass, and a
multiply-add is two operations, so GFLOP/s are images per second times six GMACs. Norms, activations and copies do not
count as arithmetic on purpose: the figure shows how much of the machine's speed is left for the model's definition.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor

from bench.engine import built, images, limit_rate, recipe
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


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row per model in order of GMACs, on a CPU up to `CPU_LIMIT`; `quick` measures one model per family."""
    device = choose_device("auto")
    limit = CPU_LIMIT if device.type == "cpu" else float("inf")
    models = [part for part in catalog().parts("model") if part.meta["gmacs"] <= limit]
    models.sort(key=lambda part: float(part.meta["gmacs"]))
    if quick:
        cheapest: dict[str, Part] = {}
        for part in models:
            cheapest.setdefault(part.meta["family"], part)
        models = list(cheapest.values())
    peak = peak_of(device) if device.type == "cuda" else 0.0
    data = images(BATCH)
    seconds = SECONDS / 10 if quick else SECONDS
    for part in models:
        yield rate(part, data, device, peak, seconds)


def rate(part: Part, data: DataSet, device: torch.device, peak: float, seconds: float) -> dict[str, Any]:
    """Measure one model at the largest batch size of 128, 64, 32, ... that fits into GPU memory; at 32 on a CPU."""
    batch = CPU_BATCH if device.type == "cpu" else BATCH
    while True:
        try:
            precision, speed = _speed(part.name, data, device, batch, seconds)
            break
        except torch.OutOfMemoryError:
            if batch == 1:
                raise
            batch //= 2
    flops = speed * part.meta["gmacs"] * 1e9 * OPERATIONS
    row = {
        "model": part.name,
        "family": part.meta["family"],
        "M params": part.meta["params"] / 1e6,
        "GMACs": part.meta["gmacs"],
        "batch": batch,
        "precision": precision,
        "img/core-s" if device.type == "cpu" else "img/s": speed,
        "GFLOP/s": flops / 1e9,
    }
    return row | ({"of bf16 peak": flops / peak} if peak else {})


def _speed(name: str, data: DataSet, device: torch.device, batch: int, seconds: float) -> tuple[str, float]:
    """Precision and images per second, after warm-up steps."""
    gc.collect()  # frees what a failed attempt with a larger batch still holds
    torch.cuda.empty_cache()
    chosen = recipe(name, [])
    setup = built(chosen, data, device)
    setup.model.train()
    x, y = setup.augmented(setup.train.images[:batch], setup.train.labels[:batch], 0, 0)
    _, step = make_steps(setup, chosen)
    limit_rate(step, x, y, EAGER_STEPS + 1)  # the last of these steps records the CUDA graph
    steps = max(1, round(seconds * limit_rate(step, x, y, 1) / batch))
    speed = core_rate(step, x, y, steps) if device.type == "cpu" else limit_rate(step, x, y, steps)
    return setup.decisions.precision, speed


def core_rate(step: TrainStep, x: Tensor, y: Tensor, steps: int) -> float:
    """Images per second of CPU time in the fastest of at least three steps."""
    spent = []
    for _ in range(max(3, steps)):
        began = time.process_time()
        step(x, y)
        spent.append(time.process_time() - began)
    return len(x) / min(spent)


def peak_of(device: torch.device, known: dict[str, float] = PEAKS) -> float:
    """bf16 operations per second of a GPU: from its data sheet or, for other GPUs and MIG slices, measured."""
    name = torch.cuda.get_device_name(device)
    if "MIG" not in name:
        for words, peak in known.items():
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
