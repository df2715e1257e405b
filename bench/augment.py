"""Augmentation in images per core-second: batched ops against torchvision's per-image transforms.

Every contestant starts from uint8 pixels in memory and ends with a normalized float batch and soft targets, on one
thread. Only its own CPU time counts, so that other programs on the machine have little effect. The contestants take
turns. Each named augmentation of `presets/augmentations` is measured, and each registered op by itself with its
defaults. "-" stands for an op that torchvision does not have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms as v1
from torchvision.transforms import v2

from bench.figures import Row, figure, ratio
from bench.plan import Case, Wishes
from engine.augment.pipeline import Pipeline
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.params import OPS
from engine.contract.recipe.schema import Choice
from engine.data.device import Resident
from engine.data.load import Split
from presets.loader import list_presets, read_table

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGES, BATCH = 1024, 128
ROUNDS, BATCHES = 5, 3  # batches of each contestant per round
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
ON_BATCHES: Final[dict[str, Twin]] = {  # one draw per batch, as in a DataLoader's collate function
    "mixup": lambda tv, op: v2.MixUp(num_classes=10),
    "cutmix": lambda tv, op: v2.CutMix(num_classes=10),
    "choice": lambda tv, op: v2.RandomChoice([ON_BATCHES[member.name](tv, {}) for member in op["of"]]),
}


def cases(wishes: Wishes) -> Iterator[Case]:
    """The named augmentations first, which people use; then every op by itself."""
    rounds = 2 if wishes.quick else ROUNDS
    for rank, found in ((1, named()), (2, single_ops())):
        for name, ops in found:
            yield Case("augment", name, rank, 5.0 + rounds, partial(measure, name, ops, rounds))


def single_ops() -> Iterator[tuple[str, tuple[Choice, ...]]]:
    """Every op with its defaults, and color jitter also with hue."""
    for part in catalog().parts("op"):
        if not any(param.type == OPS for param in part.params):
            yield part.name, (Choice(name=part.name),)
    yield "color_jitter with hue", (Choice(name="color_jitter", hue=0.1),)


def named() -> Iterator[tuple[str, tuple[Choice, ...]]]:
    """Every named augmentation that is built in."""
    for info in list_presets("augmentations"):
        if info.origin == "built-in":
            yield f"{info.name} (pipeline)", tuple(map(choice, read_table(info.path)["augmentation"]))


def choice(table: dict[str, Any]) -> Choice:
    """An op as a preset writes it."""
    return Choice(**{key: tuple(map(choice, value)) if key == "of" else value for key, value in table.items()})


def measure(name: str, ops: tuple[Choice, ...], rounds: int) -> Iterator[Row]:
    """Images per core-second of each contestant on one thread, and speedup over torchvision on PIL images."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    warm_heap()
    try:
        yield row(name, ops, rounds)
    finally:
        torch.set_num_threads(threads)


def warm_heap() -> None:
    """Free one block as large as a layer's activations, as every training process does.

    Until then, glibc returns each freed image batch to the system, and allocating the next one takes twice as long.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def row(name: str, ops: tuple[Choice, ...], rounds: int) -> Row:
    """Measure one pipeline with all contestants."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    labels = torch.arange(IMAGES) % 10
    contestants = {
        "eager": ours(ops, pixels, labels, compile=False),
        "compiled": ours(ops, pixels, labels, compile=True),
    }
    if all(op.name in ON_IMAGES | ON_TENSORS | ON_BATCHES for op in ops):
        contestants["torchvision PIL"] = torchvision_pil(ops, pixels, labels)
        contestants["torchvision v2 tensors"] = torchvision_tensors(ops, pixels, labels)
    for make in contestants.values():
        for i in range(8):  # compiles both members of a choice
            make(i)
    speed: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(rounds):
        for contestant, make in contestants.items():
            speed[contestant].append(rate(make, i, BATCHES if contestant.startswith("torchvision") else 10 * BATCHES))
    columns = ("torchvision PIL", "torchvision v2 tensors", "eager", "compiled")
    pil = speed.get("torchvision PIL")
    gains = {f"{mode} / PIL": ratio(speed[mode], pil) if pil else "-" for mode in ("eager", "compiled")}
    figures = {key: figure(speed[key]) if key in speed else "-" for key in columns}
    return {"images per core-second": name, **figures, **gains}


def rate(make: Batch, turn: int, repeat: int) -> float:
    """Images per second of CPU time over `repeat` batches."""
    began = time.process_time()
    for j in range(repeat):
        make(turn * repeat + j)
    return repeat * BATCH / (time.process_time() - began)


def ours(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor, *, compile: bool) -> Batch:
    """The engine's pipeline on images that are resident in memory."""
    split = Split(torch.from_numpy(pixels).permute(0, 3, 1, 2), labels)
    data = Resident(split, "cpu")
    pipeline = Pipeline(ops, seed=0, mean=MEAN, std=STD, num_classes=10, compile=compile, say=print)

    def make(i: int) -> object:
        chosen = some(i)
        images, targets = next(data.batches(chosen, BATCH))
        return pipeline(images, targets, 0, i, chosen)

    return make


def torchvision_pil(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor) -> Batch:
    """As in torchvision's CIFAR10 with a DataLoader: array to PIL image, transforms, `stack`, mixing."""
    after = [*twins(ON_TENSORS, v1, ops), v1.Normalize(MEAN, STD)]
    transform = v1.Compose([*twins(ON_IMAGES, v1, ops), v1.ToTensor(), *after])
    return collate(ops, lambda i: transform(Image.fromarray(pixels[i])), labels)


def torchvision_tensors(ops: tuple[Choice, ...], pixels: np.ndarray, labels: Tensor) -> Batch:
    """torchvision's v2 transforms on uint8 tensors, image by image."""
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    after = [*twins(ON_TENSORS, v2, ops), v2.Normalize(MEAN, STD)]
    transform = v2.Compose([*twins(ON_IMAGES, v2, ops), v2.ToDtype(torch.float32, scale=True), *after])
    return collate(ops, lambda i: transform(images[i]), labels)


def twins(table: dict[str, Twin], tv: Any, ops: tuple[Choice, ...]) -> list[Any]:
    """torchvision's counterparts of those ops that are in `table`."""
    return [table[op.name](tv, op.options) for op in ops if op.name in table]


def collate(ops: tuple[Choice, ...], load: Callable[[int], Tensor], labels: Tensor) -> Batch:
    """Load images one by one, stack them, and apply the counterparts of mixing ops."""
    mixers = twins(ON_BATCHES, v2, ops)

    def make(i: int) -> object:
        chosen = some(i)
        batch = torch.stack([load(int(k)) for k in chosen]), labels[chosen]
        for mix in mixers:
            batch = mix(*batch)
        return batch

    return make


def some(i: int) -> np.ndarray:
    """Indices of the images in batch i."""
    return np.random.default_rng(i).permutation(IMAGES)[:BATCH]
