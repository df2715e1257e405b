"""How the cost of an epoch grows with the number of images and with the batch size, as rows of the area `train`.

Cost that is linear in the number of images shows the same seconds per thousand images in every row. Over batch sizes,
what a step costs in addition to its images shows as more seconds per epoch for small batches. The contestants take
turns, an epoch each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch

from bench.figures import Row, figure, ratio
from bench.loops import CROP_FLIP, engine_rates, images, recipe, settled
from engine.contract.recipe.schema import Recipe
from engine.data.load import DataSet

IMAGES: Final = (5_000, 10_000, 25_000, 50_000)
BATCHES: Final = (32, 64, 128, 256, 512)
ROUNDS: Final = 3
Contestant = tuple[str, Recipe, DataSet]


def with_images(device: torch.device, quick: bool) -> Iterator[Row]:
    """Seconds per epoch for 5,000 to 50,000 images at batch size 128; with `quick`, for a tenth of them."""
    model, sizes = model_on(device), [n // 10 for n in IMAGES] if quick else list(IMAGES)
    precision = settled(model, device)
    runs = [(f"{model}, {n:,} images", recipe(model, CROP_FLIP, ROUNDS + 1, precision), images(n)) for n in sizes]
    seconds = epochs(runs, device)
    for name, _, data in runs:
        yield grown(name, seconds[name], len(data.train), seconds[runs[0][0]], sizes[0], "/ fewest images")


def with_batch_size(device: torch.device, quick: bool) -> Iterator[Row]:
    """Seconds per epoch of the same images in batches of 32 to 512."""
    model = model_on(device)
    count = 512 if quick else 5_120 if device.type == "cpu" else 51_200
    precision, data = settled(model, device), images(count)
    runs = [
        (f"{model}, batch size {batch}", recipe(model, CROP_FLIP, ROUNDS + 1, precision, batch=batch), data)
        for batch in BATCHES
    ]
    seconds = epochs(runs, device)
    for name, _, _ in runs:
        yield grown(name, seconds[name], count, seconds[f"{model}, batch size 128"], count, "/ batch size 128")


def model_on(device: torch.device) -> str:
    """The model whose epochs are measured."""
    return "resnet20" if device.type == "cpu" else "resnet18"


def epochs(runs: list[Contestant], device: torch.device) -> dict[str, list[float]]:
    """Seconds of each contestant's training epochs after a first one, which warms up."""
    rates = {name: engine_rates(chosen, data, device) for name, chosen, data in runs}
    seconds: dict[str, list[float]] = {name: [] for name in rates}
    for i in range(ROUNDS + 1):
        for name, _, data in runs:
            rate = next(rates[name])
            if i:
                seconds[name].append(len(data.train) / rate)
    for rate_of in rates.values():
        rate_of.close()
    return seconds


def grown(what: str, seconds: list[float], count: int, base: list[float], base_count: int, against: str) -> Row:
    """Seconds per epoch, and seconds per image relative to those of the base; 1 everywhere is linear cost."""
    per_image, base_per_image = [value / count for value in seconds], [value / base_count for value in base]
    return {
        "what": what,
        "s per epoch": figure(seconds),
        "s per 1,000 images": figure([1000 * value for value in per_image]),
        f"per image {against}": ratio(per_image, base_per_image),
    }
