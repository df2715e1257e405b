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
from engine.augment.resizing import Resizing
from engine.averaging import Averaging, build_averaging
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.conflicts import ungraphable
from engine.contract.recipe.ops import mixes_batch
from engine.contract.recipe.schema import ComputeConfig, Recipe
from engine.curves import Swing
from engine.data.device import Resident, steps_of_training, steps_per_epoch
from engine.data.load import DataSet
from engine.distributed import ALONE, World
from engine.loop import checks
from engine.loop.decisions import Decisions, decide
from engine.loop.initial import StartFrom
from engine.loop.layout import memory_format, place
from engine.loop.memory import keep_freed_memory
from engine.loop.teacher import Teacher
from engine.loop.workload import workload_of
from engine.losses import Loss, build_loss
from engine.models.across_ranks import across
from engine.models.build import build_model
from engine.optim.build import build_optimizer
from engine.optim.rules import assign
from engine.randomness import seed_torch, set_deterministic
from engine.schedules import plan

COMPILE_MODE = {"default": None, "max-autotune": "max-autotune-no-cudagraphs"}  # graphs would reuse the logits' memory
STARTED_FROM = 5000  # training images given to a model that computes its first weights from images


@runtime_checkable
class StartsFromImages(Protocol):
    """A model whose first weights are computed from training images, such as airbench's whitening."""

    def start_from(self, images: Tensor) -> None:
        """Set those weights from normalized images (N, C, H, W) on the host."""


@dataclass
class Setup:
    """The parts of one run on their device. One field per part: grouping them would only hide them."""

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
    """Per epoch; the last epoch may be shorter, see `steps_in`."""
    all_steps: int
    """Of the whole training."""
    resizing: Resizing
    mixed: bool
    """Whether training labels are mixtures of classes."""
    teachers: tuple[Teacher, ...] = ()
    """Models whose logits the loss uses: one for a distilled run, otherwise none."""
    world: World = ALONE
    """The ranks that train the run together."""
    group: int = 1
    """Images that must stay together in one rank: those of a ghost batch."""
    added: list[Tensor] = field(default_factory=list)
    """Running statistics to which every rank adds a part in each step; none on a single rank."""
    initial: str = ""
    """Which weights the training starts from, for the user; "" if they are random or those of a checkpoint."""
    warnings: list[str] = field(default_factory=list)
    """What could not be done as requested, for the user. The session reports and removes them."""

    def __post_init__(self) -> None:
        mode = self.decisions.compile
        self.objective = self._objective if mode == "off" else torch.compile(self._objective, mode=COMPILE_MODE[mode])
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.peak_lr = float(self.optimizer.param_groups[0]["initial_lr"])

    @property
    def epochs(self) -> int:
        """Number of epochs; a short last one counts as one."""
        return -(-self.all_steps // self.steps)

    @property
    def length(self) -> float:
        """Length of the training in epochs, with the fraction of a short last one."""
        return self.all_steps / self.steps

    def steps_in(self, epoch: int) -> int:
        """Number of steps in an epoch, from 0."""
        return min(self.steps, self.all_steps - epoch * self.steps)

    def autocast(self) -> torch.autocast:
        """The context in which the model runs, in training and evaluation."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.decisions.precision == "bf16")

    @property
    def layout(self) -> torch.memory_format:
        """The memory format of images and weights."""
        return memory_format(self.decisions.channels_last)

    def clean(self, images: Tensor) -> Tensor:
        """uint8 images as the model receives them in evaluation: normalized, not augmented."""
        return self.augment.normalize(images).contiguous(memory_format=self.layout)

    def augmented(
        self,
        images: Tensor,
        labels: Tensor,
        epoch: int,
        step: int,
        chosen: np.ndarray | None = None,
        *,
        passed: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """uint8 images and their labels as the model receives them in training, with soft targets (B, classes).

        Args:
            chosen: int64 (B,), the indices of these images in the training set; by default the first B.
            passed: how many passes over images came before, which is what random choices depend on; by default `epoch`.
        """
        x, y = self.augment(images, labels, epoch if passed is None else passed, step, chosen)
        x = self.resizing.apply(x, epoch * self.steps + step)
        return x.contiguous(memory_format=self.layout), y

    def _objective(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (a scalar) and logits (B, classes) for images and soft targets: the unit that is compiled."""
        with self.autocast():
            logits = self.model(x)
            hints = [teacher(x) for teacher in self.teachers]
        return self.criterion(logits, y, *hints), logits


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
    world: World = ALONE,
    start_from: StartFrom | None = None,
) -> Setup:
    """Build everything that `recipe` names on `device`, with weights initialized from `seed` or as given.

    Args:
        probe_file: where the decisions about the machine are read from or recorded.
        threads: CPU threads; 0 lets `decide` choose.
        teachers: from `load_teachers`, for a loss that distills.
        world: the ranks that train the run together; the first one decides about the machine for all.
        start_from: from `load_initial`, for a run that starts from given weights.

    Raises:
        BadInput: fewer training images than a batch, a single image in a batch where batch norm needs two, a part
            that rejects its options, a missing teacher, a first image size that the model does not accept, or initial
            weights that do not fit the model.
    """
    compute = recipe.compute
    checks.inputs(recipe, data, parts, teachers)
    checks.shares(recipe, data, world)
    _configure_torch(compute, seed, device)
    pipeline = _pipeline(recipe, data, seed, parts)
    normalize = pipeline().normalize
    model = _initialized_model(recipe, data, normalize, parts)
    initial = start_from(model, recipe.model.name, len(data.classes)) if start_from else ""
    model = place(model, device, memory_format(compute.channels_last))
    checks.batch_norm(recipe, data, model, device)
    assign(model, recipe.optimizer.options["groups"])  # here rather than after the probes, to fail at once
    resident = partial(Resident, device=device, channels_last=compute.channels_last)
    train = resident(data.train)
    steps = steps_per_epoch(len(train), recipe.batch_size, recipe.last_batch)
    all_steps = steps_of_training(recipe.epochs, steps)
    resizing = Resizing(recipe.resizing, data.image_size, all_steps)
    resizing.check(model, normalize(train.images[:2]))
    work = workload_of(recipe, train, normalize, parts, graph=wants_graph(recipe, parts))
    decisions, warnings = world.same(lambda: decide(probe_file, compute, threads, device, model, work, gpus=world.size))
    torch.set_num_threads(decisions.threads)
    added = across(model, world)  # not before the trials of the first rank, which the others do not take part in
    return Setup(
        device=device,
        decisions=decisions,
        model=model,
        averaging=build_averaging(recipe.averaging, model, parts, epochs=recipe.epochs, steps=steps),
        optimizer=build_optimizer(recipe.optimizer, model, parts, steps=all_steps),
        schedule=plan(recipe.schedule, all_steps / steps, parts),
        augment=pipeline(compile=compute.compile != "auto" and decisions.compile != "off", say=warnings.append),
        criterion=build_loss(recipe.loss, parts),
        train=train,
        holdout=resident(data.holdout) if data.holdout else None,
        test=resident(data.test),
        steps=steps,
        all_steps=all_steps,
        resizing=resizing,
        mixed=mixes_batch(recipe.augmentation, parts),
        teachers=teachers,
        world=world,
        group=max(work.ghost, 1),
        added=added,
        initial=initial,
        warnings=warnings,
    )


def wants_graph(recipe: Recipe, parts: Catalog) -> bool:
    """Whether a training step is to be one CUDA graph.

    With `compute.graph = "auto"`, only if every part is known to do the same thing in each step. A part that is not
    built in may draw random numbers on the host, and a graph would repeat its first draw forever: such a recipe has to
    set `compute.graph = "on"` itself.
    """
    if recipe.compute.graph != "auto":
        return recipe.compute.graph == "on"
    chosen = (("model", recipe.model), ("optimizer", recipe.optimizer), ("loss", recipe.loss))
    built_in = all(parts.get(kind, choice.name).module.startswith("engine.") for kind, choice in chosen)
    return built_in and not recipe.model.name.startswith("timm:") and not ungraphable(recipe)


def _configure_torch(compute: ComputeConfig, seed: int, device: torch.device) -> None:
    """Set what torch and the C library keep globally: TF32 off, deterministic kernels, the seed, freed memory."""
    torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32; matrix products have TF32 off by default
    set_deterministic(compute.deterministic)
    seed_torch(seed)
    if device.type == "cpu":
        keep_freed_memory()


def _pipeline(recipe: Recipe, data: DataSet, seed: int, parts: Catalog) -> partial[Pipeline]:
    """A factory for the recipe's augmentation pipeline, which also normalizes."""
    classes = len(data.classes)
    return partial(
        Pipeline, recipe.augmentation, seed=seed, mean=data.mean, std=data.std, num_classes=classes, catalog=parts
    )


def _initialized_model(
    recipe: Recipe, data: DataSet, normalize: Callable[[Tensor], Tensor], parts: Catalog
) -> nn.Module:
    """The recipe's model on the host with its first weights, which some models compute from training images."""
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
