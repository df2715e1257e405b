"""Training images a second of every model, beside what it computes: slow implementations stand out.

A step is the engine's own (`train_step` with SGD) on one fixed batch, in the precision that the engine picks,
channels-last. On a CPU it is the fastest of several by the process's own time, so that other programs on the machine
count little, and the figures are for one core. A training step computes about three times a forward pass, and a
multiply-add is two operations: GFLOP/s are images a second times six GMACs. Norms, activations and copies count for
nothing there, which is the point: the figure is what is left of the machine for the arithmetic that the paper asks for.
Slowest first.
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
from engine.loop.probe import choose_device
from engine.loop.steps import ORDINARY, Step
from engine.train import ways_to_step

BATCH: Final = 128
CPU_BATCH: Final = 32
OPERATIONS: Final = 6  # a multiply-add is two; forward, gradient of the maps, gradient of the weights
CPU_LIMIT: Final = 0.6  # GMACs; larger models take long there
SECONDS: Final = 2.0

PEAKS: Final = {
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
}
"""Dense bf16 operations a second; the first name that fits is taken, and cards that are not here are measured.

From NVIDIA's data sheets, which give some with sparsity, twice as much: H100 SXM and H200 1,979,
H100 PCIe 1,513, L4 242 TFLOPS; A100 312 and L40S 362.05 without.
"""


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each model from the cheapest on, on CPU those up to `CPU_LIMIT`; quick takes one of each family."""
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
    """One model, at the largest of 128, 64, 32 ... images that fits into the GPU's memory; at 32 on a CPU."""
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
    """Precision and images a second, after the steps that warm up."""
    gc.collect()  # what a failed attempt at a larger batch still holds
    torch.cuda.empty_cache()
    chosen = recipe(name, [])
    setup = built(chosen, data, device)
    setup.model.train()
    x, y = setup.augmented(setup.train.images[:batch], setup.train.labels[:batch], 0, 0)
    _, step = ways_to_step(setup, chosen)
    limit_rate(step, x, y, ORDINARY + 1)  # a CUDA graph is recorded in the last of them
    steps = max(1, round(seconds * limit_rate(step, x, y, 1) / batch))
    speed = core_rate(step, x, y, steps) if device.type == "cpu" else limit_rate(step, x, y, steps)
    return setup.decisions.precision, speed


def core_rate(step: Step, x: Tensor, y: Tensor, steps: int) -> float:
    """Images per second of one core's own time in the fastest of at least three steps."""
    spent = []
    for _ in range(max(3, steps)):
        began = time.process_time()
        step(x, y)
        spent.append(time.process_time() - began)
    return len(x) / min(spent)


def peak_of(device: torch.device, known: dict[str, float] = PEAKS) -> float:
    """bf16 operations a second of a GPU: its data sheet's, else (also for a slice of one) a large product's."""
    name = torch.cuda.get_device_name(device)
    if "MIG" not in name:
        for words, peak in known.items():
            if re.search(rf"\b{re.sub(' ', '.*', words)}\b", name):
                return peak
    return measured_peak(device)


def measured_peak(device: torch.device, side: int = 8192, times: int = 50) -> float:
    """Operations a second of a product of two square bf16 matrices."""
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    a @ a
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(times):
        a @ a
    torch.cuda.synchronize(device)
    return times * 2 * side**3 / (time.perf_counter() - began)
