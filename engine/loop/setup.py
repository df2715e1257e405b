"""Everything a run needs, built from its recipe: model, optimizer, data on the device, how the arithmetic is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.augment.pipeline import Pipeline
from engine.averaging import Averaging, build_averaging
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.conflicts import lonely, single_pixels, ungraphable
from engine.contract.recipe.ops import mixes_batch
from engine.contract.recipe.schema import Recipe
from engine.contract.run.teacher import is_taught
from engine.curves import Swing
from engine.data.device import Resident, steps_per_epoch
from engine.data.load import DataSet
from engine.loop.layout import memory_format, place
from engine.loop.memory import keep_freed_memory
from engine.loop.probe import Decisions, Work, decide
from engine.loop.teacher import Teacher
from engine.losses import Loss, build_loss
from engine.models.build import build_model
from engine.models.norms import normalizes_single_pixels
from engine.optim.build import build_optimizer
from engine.randomness import seed_torch, set_deterministic
from engine.schedules import plan

COMPILE_MODE = {"default": None, "max-autotune": "max-autotune-no-cudagraphs"}  # graphs would reuse the logits' memory
STARTED_FROM = 5000  # training images that a model with a start of its own kind is shown before it trains
PROBE_BATCH = 32  # images; the gain of bf16 is the same for more


@runtime_checkable
class StartsFromImages(Protocol):
    """A model whose first weights are computed from training images, such as airbench's whitening."""

    def start_from(self, images: Tensor) -> None:
        """Set those weights from normalized images (N, C, H, W) on the host."""


@dataclass
class Setup:
    """The parts of one run on their device."""

    device: torch.device
    decisions: Decisions
    model: nn.Module
    averaging: Averaging
    optimizer: Optimizer
    schedule: Callable[[float], Swing]
    augment: Pipeline
    criterion: Loss
    train: Resident
    holdout: Resident | None
    test: Resident
    steps: int
    """Per epoch."""
    mixed: bool
    """Whether the training labels are mixtures."""
    teachers: tuple[Teacher, ...] = ()
    """Those that the loss listens to: none, or one."""
    notes: list[str] = field(default_factory=list)
    """What could not be done as asked, for people."""

    def __post_init__(self) -> None:
        mode = self.decisions.compile
        self.objective = self._objective if mode == "off" else torch.compile(self._objective, mode=COMPILE_MODE[mode])
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.peak_lr = float(self.optimizer.param_groups[0]["initial_lr"])

    def autocast(self) -> torch.autocast:
        """The context that the model runs in, in training and evaluation."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.decisions.precision == "bf16")

    @property
    def layout(self) -> torch.memory_format:
        """Of images and weights."""
        return memory_format(self.decisions.channels_last)

    def clean(self, images: Tensor) -> Tensor:
        """uint8 images as the model sees them in evaluation."""
        return self.augment.normalize(images).contiguous(memory_format=self.layout)

    def augmented(
        self, images: Tensor, labels: Tensor, epoch: int, step: int, chosen: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """uint8 images and their labels as the model sees them in training, with soft targets (B, classes).

        Args:
            chosen: int64 (B,), which training images these are; by default the first ones.
        """
        x, y = self.augment(images, labels, epoch, step, chosen)
        return x.contiguous(memory_format=self.layout), y

    def _objective(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (a scalar) and logits (B, classes) of images and soft targets: what is compiled as one."""
        with self.autocast():
            logits = self.model(x)
            hints = [teacher(x) for teacher in self.teachers]
        return self.criterion(logits, y, *hints), logits


def wants_graph(recipe: Recipe, parts: Catalog) -> bool:
    """Whether a training step is to be one CUDA graph.

    By itself only where every part is known to do the same in each step. A part from elsewhere may draw on the host,
    and a graph would repeat the first of its draws for ever: such a recipe has to ask for the graph.
    """
    if recipe.compute.graph != "auto":
        return recipe.compute.graph == "on"
    chosen = (("model", recipe.model), ("optimizer", recipe.optimizer), ("loss", recipe.loss))
    ours = all(parts.get(kind, choice.name).module.startswith("engine.") for kind, choice in chosen)
    return ours and not recipe.model.name.startswith("timm:") and not ungraphable(recipe)


def _started_model(recipe: Recipe, data: DataSet, normalize: Callable[[Tensor], Tensor], parts: Catalog) -> nn.Module:
    """The recipe's model on the host, as it starts; one that starts from training images has seen the first of them."""
    model = build_model(
        recipe.model,
        num_classes=len(data.classes),
        in_channels=data.channels,
        image_size=data.image_size,
        catalog=parts,
    )
    if isinstance(model, StartsFromImages):
        model.start_from(normalize(data.train.images[:STARTED_FROM]))
    return model


def prepare(
    recipe: Recipe,
    data: DataSet,
    probe_file: Path,
    *,
    seed: int,
    device: torch.device,
    threads: int,
    parts: Catalog,
    teachers: tuple[Teacher, ...] = (),
) -> Setup:
    """Build everything that `recipe` names, on `device`, with weights started from `seed`.

    Args:
        teachers: from `load_teachers`, for a loss that listens to one.

    Raises:
        BadInput: fewer training images than a batch, an image alone where batch norm needs two, a part that refuses
            its options, or a missing teacher.
    """
    if is_taught(recipe, parts) and not teachers:
        raise BadInput(f"loss = {recipe.loss.name} needs its teacher, which only a run has; take cross_entropy here")
    if len(data.train) < recipe.batch_size:
        few = f"batch_size = {recipe.batch_size}: the training set has only {len(data.train)} images"
        raise BadInput(f"{few}; choose a smaller batch")
    compute = recipe.compute
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32; matrix products have TF32 off by default
    set_deterministic(compute.deterministic)
    seed_torch(seed)
    if device.type == "cpu":
        keep_freed_memory()
    classes = len(data.classes)
    augment = partial(
        Pipeline, recipe.augmentation, seed=seed, mean=data.mean, std=data.std, num_classes=classes, catalog=parts
    )
    layout = memory_format(compute.channels_last)
    model = place(_started_model(recipe, data, augment().normalize, parts), device, layout)
    facts = (1, data.channels, data.image_size, data.image_size)
    alone = lonely(recipe, len(data.train))
    if alone and normalizes_single_pixels(model, torch.zeros(facts, device=device).to(memory_format=layout)):
        raise BadInput(single_pixels(recipe, alone))
    resident = partial(Resident, device=device, channels_last=compute.channels_last)
    train = resident(data.train)
    steps = steps_per_epoch(len(train), recipe.batch_size, recipe.last_batch)

    def shown(count: int) -> Tensor:
        return augment().normalize(train.images[:count]).contiguous(memory_format=layout)

    work = Work(
        few=shown(min(PROBE_BATCH, recipe.batch_size)),
        batch=partial(shown, recipe.batch_size),
        steps=recipe.epochs * steps,
        graph=wants_graph(recipe, parts),
    )
    decisions, notes = decide(probe_file, compute, threads, device, model, work)
    return Setup(
        device=device,
        decisions=decisions,
        model=model,
        averaging=build_averaging(recipe.averaging, model, parts, epochs=recipe.epochs, steps=steps),
        optimizer=build_optimizer(recipe.optimizer, model, parts),
        schedule=plan(recipe.schedule, recipe.epochs, parts),
        augment=augment(compile=compute.compile != "auto" and decisions.compile != "off", say=notes.append),
        criterion=build_loss(recipe.loss, parts),
        train=train,
        holdout=resident(data.holdout) if data.holdout else None,
        test=resident(data.test),
        steps=steps,
        mixed=mixes_batch(recipe.augmentation, parts),
        teachers=teachers,
        notes=notes,
    )
