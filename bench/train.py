"""The training loop against its upper limit, and against the usual training loop of CIFAR projects.

The limit is the same model, precision, loss and optimizer on one fixed batch: no data loading, no augmentation, no
events. The plain loop is a two-worker DataLoader over PIL images with torchvision's per-image transforms, one CutMix or
MixUp draw per batch, fp32, and `.item()` after every step. It is shown as it is, and with a pass over the training
images in evaluation mode after every epoch, as some projects make to print a training accuracy. Both sides take turns
in one process, so that a busy machine slows down both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np
import torch

from bench.figures import Row, figure, ratio
from bench.loops import CROP_FLIP, built, engine_rates, images, limit_rate, recipe, settled
from bench.peers import WORKERS, PlainLoop, loader_rate, plain_loader
from bench.plan import Case, Wishes
from bench.scaling import with_batch_size, with_images
from engine.contract.recipe.catalog import catalog
from engine.loop.hardware import choose_device
from engine.loop.setup import Setup
from engine.loop.steps import EAGER_STEPS
from engine.models.build import build_model
from engine.train import make_steps

JITTER: Final = {"name": "color_jitter", "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.0}
MIX: Final = {"name": "choice", "of": ["cutmix", "mixup"], "per": "batch"}
CPU_STEPS: Final = {"resnet20": 20, "airbench94": 16, "resnet18": 3}
"""Steps per round on a CPU, for about two seconds of work."""
GPU_STEPS: Final = 100


def cases(wishes: Wishes) -> Iterator[Case]:
    """The limit, then the peers, then how the cost grows."""
    device = choose_device("auto")
    cpu = device.type == "cpu"
    models = ("resnet20", "resnet18", "airbench94") if cpu else ("resnet18", "resnet34", "airbench94")
    rounds = 3 if wishes.quick else 9
    part = 1.0 if cpu else 0.2  # for estimates, which hold for two cores and are rough for a GPU
    slow = part * (1.5 if wishes.quick else 10.0)
    for model in models:
        limit = partial(_limit, model, device, steps_in(model, device, wishes.quick), rounds)
        yield Case("train", f"{model} against its limit", 0, 6 * slow, limit)
    for model in models[:2]:
        peer = partial(_peer, model, device, 2 * steps_in(model, device, wishes.quick), rounds)
        yield Case("train", f"{model} against a plain loop", 1, 22 * slow, peer)
    loader = partial(_loader, device, rounds)
    yield Case("train", "input pipeline against a DataLoader", 1, 3 * part * (rounds + 1), loader)
    quick = wishes.quick
    part *= 0.1 if quick else 1.0
    yield Case("train", "cost by number of images", 2, 360 * part, partial(with_images, device, quick))
    yield Case("train", "cost by batch size", 2, 100 * part, partial(with_batch_size, device, quick))


def row(what: str, ours: list[float], other: str, theirs: list[float], precision: str) -> Row:
    """One comparison, with rates in images per second and the ratios of the rounds."""
    return {
        "what": what,
        "ours img/s": figure(ours),
        "theirs img/s": figure(theirs),
        "ours / theirs": ratio(ours, theirs),
        "precision": precision,
        "theirs": other,
    }


def steps_in(model: str, device: torch.device, quick: bool) -> int:
    """Steps per round; `quick` takes a quarter of them."""
    steps = GPU_STEPS if device.type == "cuda" else CPU_STEPS[model]
    return max(1, steps // 4) if quick else steps


def _limit(model: str, device: torch.device, steps: int, rounds: int) -> Iterator[Row]:
    """The loop with crop and flip against the same step on one fixed batch."""
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
    yield row(f"{model} loop / one fixed batch", ours, "one fixed batch", theirs, precision)


def _peer(model: str, device: torch.device, steps: int, rounds: int) -> Iterator[Row]:
    """Whole epochs with crop, flip, jitter and CutMix or MixUp: the engine's loop against a plain one."""
    net = build_model(recipe(model, []).model, num_classes=10, catalog=catalog()).to(device)
    plain = PlainLoop(net, plain_loader(images(128 * (steps + 1))), device)
    precision = settled(model, device)
    chosen = recipe(model, [*CROP_FLIP, JITTER, MIX], rounds + 1, precision)
    plain.train()
    ours, theirs, evaluating = [], [], []
    for i, rate in enumerate(engine_rates(chosen, images(128 * steps), device)):
        if i:
            ours.append(rate)
            (count, training), (_, more) = plain.train(), plain.evaluate()
            theirs.append(count / training)
            evaluating.append(count / (training + more))
    loader = f"DataLoader with {WORKERS} workers, PIL, fp32, .item()"
    yield row(f"{model} epoch / plain loop", ours, loader, theirs, precision)
    yield row(f"{model} epoch / plain loop that evaluates train", ours, loader, evaluating, precision)


def _loader(device: torch.device, rounds: int) -> Iterator[Row]:
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
    yield row("crop + flip + jitter / DataLoader", ours, f"DataLoader with {WORKERS} workers, PIL", theirs, "fp32")


def our_input_rate(setup: Setup, epoch: int) -> float:
    """Images per second of the engine's input pipeline over one epoch."""
    began = time.perf_counter()
    order = np.random.default_rng(epoch).permutation(len(setup.train))
    for step, (pixels, labels) in enumerate(setup.train.batches(order, 128)):
        x, _ = setup.augmented(pixels, labels, epoch, step)
    x[0, 0, 0, 0].item()
    return len(setup.train) / (time.perf_counter() - began)
