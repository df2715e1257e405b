"""The training loop against its upper limit, and against the usual training loop of CIFAR projects.

The limit is the same model, precision, loss and optimizer on one fixed batch: no data loading, no augmentation, no
events. The plain loop is a two-worker DataLoader over PIL images with torchvision's per-image transforms, one CutMix or
MixUp draw per batch, fp32, and `.item()` after every step. Both sides take turns in one process, so that a busy machine
slows down both. Figures and ratios are medians over the rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run.create import create
from engine.contract.run.events import Epoch
from engine.data.load import DataSet, Split
from engine.loop.hardware import choose_device, usable_cores
from engine.loop.setup import Setup, prepare
from engine.loop.steps import EAGER_STEPS, TrainStep
from engine.models.build import build_model
from engine.train import fit, make_steps

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CROP_FLIP = ["random_crop", "horizontal_flip"]
JITTER = {"name": "color_jitter", "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.0}
MIX = {"name": "choice", "of": ["cutmix", "mixup"], "per": "batch"}
WORKERS = 2


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """Every figure, as rows."""
    device = choose_device("auto")
    models = ("resnet20", "resnet18") if device.type == "cpu" else ("resnet18", "resnet34")
    rounds = 3 if quick else 9
    for model in models:
        yield against_limit(model, device, rounds)
    for model in models:
        yield against_plain_loop(model, device, rounds)
    yield against_loader(device, rounds)


def row(what: str, ours: list[float], other: str, theirs: list[float]) -> dict[str, Any]:
    """One comparison, with rates in images per second; the ratio is the median of the ratios of the rounds."""
    ratios = [one / two for one, two in zip(ours, theirs, strict=True)]
    return {
        "what": what,
        "ours img/s": statistics.median(ours),
        "against": other,
        "theirs img/s": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


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


def steps_in(model: str, device: torch.device) -> int:
    """Steps per round, for about two seconds of work."""
    if device.type == "cuda":
        return 100
    return 20 if model == "resnet20" else 3


def built(chosen: Recipe, data: DataSet, device: torch.device) -> Setup:
    """The parts of a recipe, using all CPU cores."""
    with tempfile.TemporaryDirectory() as folder:
        probe_file = Path(folder) / "probe.json"
        return prepare(chosen, data, probe_file, seed=0, device=device, threads=usable_cores(), parts=catalog())


def engine_rates(chosen: Recipe, data: DataSet, device: torch.device) -> Iterator[float]:
    """Images per second of the whole loop, including events and records, one figure per epoch."""
    with tempfile.TemporaryDirectory() as folder:
        run = create(Path(folder), chosen, seed=0)
        stream = fit(chosen, run, data, seed=0, device=device, placement=Placement(threads=usable_cores()))
        for event in stream:
            if isinstance(event, Epoch):
                yield event.images_per_second
        stream.close()


def against_limit(model: str, device: torch.device, rounds: int) -> dict[str, Any]:
    """The loop with crop and flip against the same step on one fixed batch."""
    steps = steps_in(model, device)
    data = images(128 * steps)
    still = recipe(model, [])
    setup = built(still, data, device)
    x, y = setup.augmented(setup.train.images[:128], setup.train.labels[:128], 0, 0)
    setup.model.train()
    _, step = make_steps(setup, still)
    limit_rate(step, x, y, max(steps, EAGER_STEPS + 1))
    precision = setup.decisions.precision
    ours, theirs = [], []
    for i, rate in enumerate(engine_rates(recipe(model, CROP_FLIP, rounds + 1, precision), data, device)):
        if i:  # the first epoch warms up
            ours.append(rate)
            theirs.append(limit_rate(step, x, y, steps))
    return row(f"{model} loop, {precision}", ours, "one fixed batch", theirs)


def limit_rate(step: TrainStep, x: Tensor, y: Tensor, steps: int) -> float:
    """Images per second of a step repeated on one batch, executed as in the loop."""
    began = time.perf_counter()
    for _ in range(steps):
        loss, _, _ = step(x, y)
    loss.item()
    return steps * len(x) / (time.perf_counter() - began)


class PilImages(Dataset[tuple[Tensor, int]]):
    """The work of torchvision's CIFAR10 for every item: array to PIL image, transforms."""

    def __init__(self, split: Split, transform: Any) -> None:
        self._pixels = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = split.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        from PIL import Image

        return self._transform(Image.fromarray(self._pixels[i])), self._labels[i]


def plain_loader(data: DataSet) -> DataLoader[tuple[Tensor, int]]:
    """Crop, flip and color jitter image by image in two workers, as CIFAR projects usually load their data."""
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return DataLoader(
        PilImages(data.train, transform),
        batch_size=128,
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS,
        persistent_workers=True,
        pin_memory=torch.cuda.is_available(),
    )


def against_loader(device: torch.device, rounds: int) -> dict[str, Any]:
    """The input pipeline alone: crop, flip and color jitter of whole epochs, without a model."""
    data = images(128 * 100)
    loader = plain_loader(data)
    setup = built(recipe("lenet", [*CROP_FLIP, JITTER], precision="fp32"), data, device)
    ours, theirs = [], []
    for i in range(rounds + 1):
        pair = our_input_rate(setup, i), loader_rate(loader, device)
        if i:  # the first starts the workers
            ours.append(pair[0])
            theirs.append(pair[1])
    return row("crop + flip + jitter", ours, f"DataLoader, {WORKERS} workers, PIL", theirs)


def our_input_rate(setup: Setup, epoch: int) -> float:
    """Images per second of the engine's input pipeline over one epoch."""
    began = time.perf_counter()
    order = np.random.default_rng(epoch).permutation(len(setup.train))
    for step, (pixels, labels) in enumerate(setup.train.batches(order, 128)):
        x, _ = setup.augmented(pixels, labels, epoch, step)
    x[0, 0, 0, 0].item()
    return len(setup.train) / (time.perf_counter() - began)


def loader_rate(loader: DataLoader[tuple[Tensor, int]], device: torch.device) -> float:
    """Images per second of a DataLoader over one epoch, not counting the start of the workers."""
    batches = iter(loader)
    x, _ = next(batches)
    began, count = time.perf_counter(), 0
    for x, _ in batches:
        x = x.to(device, non_blocking=True)
        count += len(x)
    x[0, 0, 0, 0].item()
    return count / (time.perf_counter() - began)


def against_plain_loop(model: str, device: torch.device, rounds: int) -> dict[str, Any]:
    """Whole training steps with crop, flip, jitter and CutMix or MixUp: the engine's loop against a plain one."""
    steps = 2 * steps_in(model, device)
    loader = plain_loader(images(128 * (steps + 1)))
    net = build_model(recipe(model, []).model, num_classes=10, catalog=catalog()).to(device)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    plain_rate(net, optimizer, loader, device)
    ours, theirs = [], []
    chosen = recipe(model, [*CROP_FLIP, JITTER, MIX], rounds + 1)
    for i, rate in enumerate(engine_rates(chosen, images(128 * steps), device)):
        if i:
            ours.append(rate)
            theirs.append(plain_rate(net, optimizer, loader, device))
    return row(f"{model} epoch, crop + flip + jitter + mix", ours, "DataLoader, fp32, .item()", theirs)


def plain_rate(
    net: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[tuple[Tensor, int]], device: torch.device
) -> float:
    """Images per second of a plain training loop over one epoch, with torch's defaults."""
    torch.backends.cudnn.allow_tf32, ours = True, torch.backends.cudnn.allow_tf32
    mix = v2.RandomChoice([v2.CutMix(num_classes=10), v2.MixUp(num_classes=10)])
    net.train()
    began, count, running = 0.0, 0, 0.0
    for i, (x, y) in enumerate(loader):
        if i == 0:  # the first batch waits for the workers and is not counted, in their favor
            began = time.perf_counter()
            continue
        x, y = x.to(device), y.to(device)
        x, y = mix(x, y)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
        count += len(x)
    torch.backends.cudnn.allow_tf32 = ours
    return count / (time.perf_counter() - began)
