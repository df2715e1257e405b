"""Augmentation: images per core-second, ours by the batch against torchvision's transforms, image by image.

Every contestant starts from the bytes in memory and ends with a normalised float batch and soft targets, on one thread,
and is charged its own CPU time: so a busy machine changes little. Rounds go around all contestants; medians are shown.
Each registered op is measured alone with its defaults, then each named augmentation of `presets/augmentations`; where
torchvision has no counterpart of an op, "-" stands in its place.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms as v1
from torchvision.transforms import v2

from engine.augment.pipeline import Pipeline
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.params import OPS
from engine.contract.recipe.schema import Choice
from engine.data.device import Resident
from engine.data.load import Split
from presets.loader import list_presets, read_table

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGES, BATCH = 1024, 128
ROUNDS, BATCHES = 5, 3  # of each round, each contestant does this many batches
Batch = Callable[[int], object]
"""Makes batch number i."""
Twin = Callable[[Any, dict[str, Any]], Any]
"""torchvision's transform for an op, given its transforms (`v1` or `v2`) and the op's options."""

ON_IMAGES: Final[dict[str, Twin]] = {
    "random_crop": lambda tv, op: tv.RandomCrop(
        32,
        padding=op.get("padding", 4),
        padding_mode={"zero": "constant", "reflect": "reflect"}[op.get("fill", "zero")],
    ),
    "translate": lambda tv, op: tv.RandomAffine(0, translate=(op.get("reach", 0.125),) * 2),
    "rotate": lambda tv, op: tv.RandomRotation(15),
    "horizontal_flip": lambda tv, op: tv.RandomHorizontalFlip(),
    "color_jitter": lambda tv, op: tv.ColorJitter(0.4, 0.4, 0.4, op.get("hue", 0.0)),
    "grayscale": lambda tv, op: tv.RandomGrayscale(0.1),
    "auto_augment": lambda tv, op: tv.AutoAugment(tv.AutoAugmentPolicy.CIFAR10),
    "rand_augment": lambda tv, op: tv.RandAugment(),
    "trivial_augment_wide": lambda tv, op: tv.TrivialAugmentWide(),
    "augmix": lambda tv, op: tv.AugMix(),
}
ON_TENSORS: Final[dict[str, Twin]] = {
    "random_erasing": lambda tv, op: tv.RandomErasing(0.5, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3)),
}
ON_BATCHES: Final[dict[str, Twin]] = {  # one draw a batch, as a DataLoader's collate function does it
    "mixup": lambda tv, op: v2.MixUp(num_classes=10),
    "cutmix": lambda tv, op: v2.CutMix(num_classes=10),
    "choice": lambda tv, op: v2.RandomChoice([ON_BATCHES[member.name](tv, {}) for member in op["of"]]),
}


def cases() -> Iterator[tuple[str, tuple[Choice, ...]]]:
    """Every op with its defaults, colour jitter with hue too, and every named augmentation."""
    for part in catalog().parts("op"):
        if not any(param.type == OPS for param in part.params):
            yield part.name, (Choice(name=part.name),)
    yield "color_jitter with hue", (Choice(name="color_jitter", hue=0.1),)
    for info in list_presets("augmentations"):
        if info.origin == "built-in":
            yield info.name, tuple(map(choice, read_table(info.path)["augmentation"]))


def choice(table: dict[str, Any]) -> Choice:
    """An op as a preset writes it."""
    return Choice(**{key: tuple(map(choice, value)) if key == "of" else value for key, value in table.items()})


def measure(*, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row a pipeline: images per core-second of each contestant, and our gain over torchvision on PIL images."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    warm_heap()
    try:
        for name, ops in cases():
            yield row(name, ops, 2 if quick else ROUNDS)
    finally:
        torch.set_num_threads(threads)


def warm_heap() -> None:
    """Free one block as large as a layer's activations, which every training process does.

    Until then glibc gives each freed image batch back to the system, and new ones come page by page at twice the price.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def row(name: str, ops: tuple[Choice, ...], rounds: int) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    labels = torch.arange(IMAGES) % 10
    contestants = {
        "eager": ours(ops, pixels, labels, compile=False),
        "compiled": ours(ops, pixels, labels, compile=True),
    }
    if all(op.name in ON_IMAGES | ON_TENSORS | ON_BATCHES for op in ops):
        contestants["torchvision PIL"] = torchvision_pil(ops, pixels, labels)
        contestants["torchvision v2 tensors"] = torchvision_tensors(ops, pixels, labels)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for make in contestants.values():
        for i in range(8):  # compiles both members of a choice
            make(i)
    for i in range(rounds):
        for contestant, make in contestants.items():
            repeat = BATCHES if contestant.startswith("torchvision") else 10 * BATCHES
            began = time.process_time()
            for j in range(repeat):
                make(i * repeat + j)
            seconds[contestant].append((time.process_time() - began) / (repeat * BATCH))
    speed = {contestant: 1 / statistics.median(times) for contestant, times in seconds.items()}
    columns = ("torchvision PIL", "torchvision v2 tensors", "eager", "compiled")
    pil = speed.get("torchvision PIL")
    gains = {f"{mode} / PIL": speed[mode] / pil if pil else "-" for mode in ("eager", "compiled")}
    return {"images per core-second": name, **{key: speed.get(key, "-") for key in columns}, **gains}


def ours(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor, *, compile: bool) -> Batch:
    split = Split(torch.from_numpy(pixels).permute(0, 3, 1, 2), labels)
    data = Resident(split, "cpu")
    pipeline = Pipeline(ops, seed=0, mean=MEAN, std=STD, num_classes=10, compile=compile, say=print)

    def make(i: int) -> object:
        chosen = some(i)
        images, targets = next(data.batches(chosen, BATCH))
        return pipeline(images, targets, 0, i, chosen)

    return make


def torchvision_pil(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor) -> Batch:
    """As in torchvision's CIFAR10 and a DataLoader: an array becomes a PIL image, the transforms, `stack`, the mix."""
    after = [*twins(ON_TENSORS, v1, ops), v1.Normalize(MEAN, STD)]
    transform = v1.Compose([*twins(ON_IMAGES, v1, ops), v1.ToTensor(), *after])
    return collate(ops, lambda i: transform(Image.fromarray(pixels[i])), labels)


def torchvision_tensors(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor) -> Batch:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    after = [*twins(ON_TENSORS, v2, ops), v2.Normalize(MEAN, STD)]
    transform = v2.Compose([*twins(ON_IMAGES, v2, ops), v2.ToDtype(torch.float32, scale=True), *after])
    return collate(ops, lambda i: transform(images[i]), labels)


def twins(table: dict[str, Twin], tv: Any, ops: tuple[Choice, ...]) -> list[Any]:
    return [table[op.name](tv, op.options) for op in ops if op.name in table]


def collate(ops: tuple[Choice, ...], load: Callable[[int], Tensor], labels: Tensor) -> Batch:
    mixers = twins(ON_BATCHES, v2, ops)

    def make(i: int) -> object:
        chosen = some(i)
        batch = torch.stack([load(int(k)) for k in chosen]), labels[chosen]
        for mix in mixers:
            batch = mix(*batch)
        return batch

    return make


def some(i: int) -> np.ndarray:
    """The images of batch i."""
    return np.random.default_rng(i).permutation(IMAGES)[:BATCH]
