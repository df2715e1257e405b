"""The engine's training loop as the areas of the benchmark measure it: recipes, random data, steps and whole epochs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.create import create
from engine.contract.run.events import Epoch
from engine.data.load import DataSet, Split
from engine.loop.hardware import usable_cores
from engine.loop.setup import Setup, prepare
from engine.loop.steps import TrainStep
from engine.train import fit

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
LONG: Final = 1000
"""Epochs of a run that is long enough to try precisions, as a run of one epoch on a few images is not."""
CROP_FLIP: Final = ["random_crop", "horizontal_flip"]


def images(n: int) -> DataSet:
    """A data set of random pixels, since speed does not depend on the content."""
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (n, 32, 32, 3), np.uint8)).permute(0, 3, 1, 2)
    split = Split(pixels, torch.from_numpy(rng.integers(0, 10, n)))
    test = Split(pixels[:100], split.labels[:100])
    names = tuple("0123456789")
    return DataSet("cifar10", split, None, test, names, MEAN, STD, fingerprint="random")


def recipe(
    model: str,
    augmentation: list[Any],
    epochs: int = 1,
    precision: str = "auto",
    *,
    batch: int = 128,
    compile: str = "off",
) -> Recipe:
    """A recipe with SGD and no evaluation."""
    table = {
        "epochs": epochs,
        "batch_size": batch,
        "compute": {"precision": precision, "compile": compile},
        "model": model,
        "augmentation": augmentation,
        "optimizer": {"name": "sgd", "lr": 0.01, "nesterov": True, "weight_decay": 5e-4},
        "evaluate": {"every": 1_000_000},
    }
    return resolve(table, catalog())


def built(chosen: Recipe, data: DataSet, device: torch.device) -> Setup:
    """The parts of a recipe, using all CPU cores, and the precision that a long run would choose."""
    chosen = chosen.model_copy(update={"epochs": LONG})
    with tempfile.TemporaryDirectory() as folder:
        probe_file = Path(folder) / "probe.json"
        return prepare(chosen, data, probe_file, seed=0, device=device, threads=usable_cores(), parts=catalog())


def settled(model: str, device: torch.device) -> str:
    """The precision that the engine chooses for a model at batch size 128.

    Each run would choose for itself, and contestants must not differ.
    """
    return built(recipe(model, []), images(128), device).decisions.precision


def engine_rates(chosen: Recipe, data: DataSet, device: torch.device) -> Generator[float, None, None]:
    """Images per second of the whole loop, including events and records, one figure per epoch."""
    placement = Placement(threads=usable_cores())
    with tempfile.TemporaryDirectory() as folder:
        run = create(Path(folder), chosen, seed=0)
        with closing(fit(chosen, run, data, seed=0, device=device, placement=placement)) as stream:
            for event in stream:
                if isinstance(event, Epoch):
                    yield event.images_per_second


def limit_rate(step: TrainStep, x: Tensor, y: Tensor, steps: int) -> float:
    """Images per second of a step repeated on one batch, executed as in the loop."""
    began = time.perf_counter()
    for _ in range(steps):
        loss, _, _ = step(x, y)
    loss.item()
    return steps * len(x) / (time.perf_counter() - began)
