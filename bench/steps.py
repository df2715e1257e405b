"""A training step in every mode of execution: eager or compiled, operation by operation or as one CUDA graph.

`ms` is the time per step of a loop that never waits for the device. `GPU ms` is the time that the kernels of an eager
forward and backward pass take together: if `ms` is far larger, the GPU waits for the host. The batch never changes, so
that data loading and augmentation have no effect.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import torch

from bench.figures import Row, figure
from bench.loops import built, images, limit_rate, recipe
from bench.plan import Case, Wishes
from engine.contract.recipe.schema import Recipe
from engine.data.load import DataSet
from engine.loop.compiling import step_seconds
from engine.loop.hardware import choose_device
from engine.loop.steps import EAGER_STEPS
from engine.train import make_steps

NETS: Final = (("resnet34", 128), ("resnet18", 512), ("resnet34", 512), ("resnet20", 128), ("wrn_28_10", 128))
STEPS: Final = {"cuda": 50, "cpu": 3}
ROUNDS: Final = 5


def cases(wishes: Wishes) -> Iterator[Case]:
    """A case for each model; on a CPU only the smallest, since others take minutes."""
    device = choose_device("auto")
    nets = NETS[-2:-1] if device.type == "cpu" else NETS[:2] if wishes.quick else NETS
    for model, batch in nets:
        seconds = 10.0 if device.type == "cpu" else 180.0
        yield Case("steps", f"{model}, batch size {batch}", 3, seconds, partial(measure, model, batch, device))


def measure(model: str, batch: int, device: torch.device) -> Iterator[Row]:
    """The rows of one model; the modes take turns."""
    settings = ("off", "default") if device.type == "cuda" else ("off",)
    graphs = ("off", "on") if device.type == "cuda" else ("off",)
    data = images(batch)
    contestants = {}
    for compile in settings:
        chosen = recipe(model, [], batch=batch, compile=compile)
        for graph in graphs:
            mode = chosen.model_copy(update={"compute": chosen.compute.model_copy(update={"graph": graph})})
            name = f"{model}, batch size {batch}, compile {compile}, graph {graph}"
            contestants[name] = Mode(mode, data, device)
    for _ in range(ROUNDS):
        for contestant in contestants.values():
            contestant.turn()
    for name, contestant in contestants.items():
        yield {"what": name} | contestant.figures()


class Mode:
    """A step of one recipe that has been warmed up, and its times."""

    def __init__(self, chosen: Recipe, data: DataSet, device: torch.device) -> None:
        began = time.perf_counter()
        self._setup = built(chosen, data, device)
        train = self._setup.train
        self._x, self._y = self._setup.augmented(train.images, train.labels, 0, 0)
        self._setup.model.train()
        _, self._step = make_steps(self._setup, chosen)
        limit_rate(self._step, self._x, self._y, EAGER_STEPS + 1)  # the last of these steps records the CUDA graph
        self._ready = time.perf_counter() - began
        self._rates: list[float] = []

    def turn(self) -> None:
        """Take a few steps and keep their rate."""
        self._rates.append(limit_rate(self._step, self._x, self._y, STEPS[self._setup.device.type]))

    def figures(self) -> Row:
        """Milliseconds per step, images per second, and the seconds until steps run at full speed."""
        precision = self._setup.decisions.precision
        row = {
            "ms": figure([1e3 * len(self._x) / rate for rate in self._rates]),
            "img/s": figure(self._rates),
            "s until then": figure([self._ready]),
            "precision": precision,
        }
        if self._setup.device.type == "cuda":
            spent = [step_seconds(self._setup.model, self._x, bf16=precision == "bf16") for _ in range(ROUNDS)]
            row["GPU ms"] = figure([1e3 * seconds for seconds in spent])
        return row
