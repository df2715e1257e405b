"""Augmentation: images per core-second, ours by the batch against torchvision's transforms, image by image.

Every contestant starts from the bytes in memory and ends with a normalised float batch and soft targets, on one thread,
and is charged its own CPU time: so a busy machine changes little. Rounds go around all contestants; medians are shown.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms as v1
from torchvision.transforms import v2

from engine.augment.pipeline import Pipeline
from engine.contract.recipe import Choice
from engine.data.device import Resident
from engine.data.load import Split

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGES, BATCH = 1024, 128
ROUNDS, BATCHES = 9, 4  # of each round, each contestant does this many batches
Batch = Callable[[int], object]
"""Makes batch number i."""


@dataclass(frozen=True)
class Case:
    """One pipeline: our ops, torchvision's transforms for one image (from `v1` or `v2`), and for the whole batch."""

    name: str
    ops: tuple[Choice, ...]
    each: Callable[[Any], list[Any]] = lambda tv: []
    mix: tuple[Callable[..., Any], ...] = ()


def op(name: str, **options: Any) -> Choice:
    return Choice(name=name, **options)


CROP, FLIP = op("random_crop"), op("horizontal_flip")
JITTER, HUE = op("color_jitter"), op("color_jitter", hue=0.1)
MIXERS: Final = (op("cutmix", per="batch", pair="roll"), op("mixup", per="batch", pair="roll"))
MIX = op("choice", of=MIXERS, per="batch")
TV_MIX = (v2.CutMix(num_classes=10), v2.MixUp(num_classes=10))


def crop_flip(tv: Any) -> list[Any]:
    return [tv.RandomCrop(32, padding=4), tv.RandomHorizontalFlip()]


def jitter(tv: Any, hue: float = 0.0) -> list[Any]:
    return [tv.ColorJitter(0.4, 0.4, 0.4, hue)]


CASES: Final = (
    Case("normalise", ()),
    Case("crop", (CROP,), lambda tv: crop_flip(tv)[:1]),
    Case("flip", (FLIP,), lambda tv: crop_flip(tv)[1:]),
    Case("jitter", (JITTER,), jitter),
    Case("jitter with hue", (HUE,), lambda tv: jitter(tv, 0.1)),
    Case("mixup, one share each", (op("mixup"),), mix=TV_MIX[1:]),
    Case("cutmix, one box each", (op("cutmix"),), mix=TV_MIX[:1]),
    Case("crop flip", (CROP, FLIP), crop_flip),
    Case("crop flip jitter", (CROP, FLIP, JITTER), lambda tv: crop_flip(tv) + jitter(tv)),
    Case("crop flip jitter mix", (CROP, FLIP, JITTER, MIX), lambda tv: crop_flip(tv) + jitter(tv), TV_MIX),
    Case("crop flip jitter+hue mix", (CROP, FLIP, HUE, MIX), lambda tv: crop_flip(tv) + jitter(tv, 0.1), TV_MIX),
)


def measure(*, quick: bool = False) -> list[dict[str, Any]]:
    """One row a pipeline: images per core-second of each contestant, and our gain over torchvision on PIL images."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    warm_heap()
    try:
        return [row(case, 2 if quick else ROUNDS) for case in CASES]
    finally:
        torch.set_num_threads(threads)


def warm_heap() -> None:
    """Free one block as large as a layer's activations, which every training process does.

    Until then glibc gives each freed image batch back to the system, and new ones come page by page at twice the price.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def row(case: Case, rounds: int) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    labels = torch.arange(IMAGES) % 10
    contestants = {
        "torchvision PIL": torchvision_pil(case, pixels, labels),
        "torchvision v2 tensors": torchvision_tensors(case, pixels, labels),
        "eager": ours(case, pixels, labels, compile=False),
        "compiled": ours(case, pixels, labels, compile=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for make in contestants.values():
        for i in range(8):  # compiles both members of a choice
            make(i)
    for i in range(rounds):
        for name, make in contestants.items():
            repeat = BATCHES if name.startswith("torchvision") else 10 * BATCHES
            began = time.process_time()
            for j in range(repeat):
                make(i * repeat + j)
            seconds[name].append((time.process_time() - began) / (repeat * BATCH))
    speed = {name: 1 / statistics.median(times) for name, times in seconds.items()}
    gain = {f"{name} / PIL": speed[name] / speed["torchvision PIL"] for name in ("eager", "compiled")}
    return {"images per core-second": case.name, **speed, **gain}


def ours(case: Case, pixels: np.ndarray, labels: Tensor, *, compile: bool) -> Batch:
    split = Split(torch.from_numpy(pixels).permute(0, 3, 1, 2), labels)
    data = Resident(split, "cpu")
    pipeline = Pipeline(case.ops, seed=0, mean=MEAN, std=STD, num_classes=10, compile=compile, say=print)

    def make(i: int) -> object:
        images, targets = next(data.batches(some(i), BATCH))
        return pipeline(images, targets, 0, i)

    return make


def torchvision_pil(case: Case, pixels: np.ndarray, labels: Tensor) -> Batch:
    """As in torchvision's CIFAR10 and a DataLoader: an array becomes a PIL image, the transforms, `stack`, the mix."""
    transform = v1.Compose([*case.each(v1), v1.ToTensor(), v1.Normalize(MEAN, STD)])
    return collate(case, lambda i: transform(Image.fromarray(pixels[i])), labels)


def torchvision_tensors(case: Case, pixels: np.ndarray, labels: Tensor) -> Batch:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    transform = v2.Compose([*case.each(v2), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    return collate(case, lambda i: transform(images[i]), labels)


def collate(case: Case, load: Callable[[int], Tensor], labels: Tensor) -> Batch:
    mix = v2.RandomChoice(list(case.mix)) if case.mix else None

    def make(i: int) -> object:
        chosen = some(i)
        batch = torch.stack([load(int(k)) for k in chosen]), labels[chosen]
        return mix(*batch) if mix else batch

    return make


def some(i: int) -> np.ndarray:
    """The images of batch i."""
    return np.random.default_rng(i).permutation(IMAGES)[:BATCH]
