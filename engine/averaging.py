"""Averages of the weights along training: a second model that is often better than the last step's.

Every kind has the same face: `update()` after each optimizer step, `settle()` before an evaluation, `model` to
evaluate, `weights` to name it in events, and a state dict. `off` is the model itself, so the loop needs no `if`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.contract.catalog import Spec, register
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import Choice
from engine.models.ghost import GhostBatchNorm2d

Autocast = Callable[[], torch.autocast]


class Averaging(Protocol):
    """What the loop knows of an average."""

    @property
    def model(self) -> nn.Module:
        """The module to evaluate; the one in training where nothing is averaged (yet)."""

    @property
    def weights(self) -> str:
        """How events name these weights: "raw", "ema", "swa"."""

    def update(self) -> None:
        """Take in the weights after an optimizer step; reads nothing back from the device."""

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Make `model` fit to be evaluated.

        Args:
            batches: the training images of an epoch (B, 3, H, W), augmented and normalized; made as they are asked for.
            autocast: makes the context that the model runs in.
        """

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@register("averaging", title="Off")
class Off:
    """No average: the last step's weights."""

    weights: ClassVar[str] = "raw"

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def update(self) -> None:
        """Nothing to do."""

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Nothing to do."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


@register("averaging", title="Exponential moving average")
class Ema:
    """Exponential moving average of parameters and float buffers (batch-norm statistics); integer buffers are copied.

    average = d * average + (1 - d) * weights after every step, where d = min(decay, (1 + t) / (10 + t)) at step t while
    warming up, so that the random start is forgotten (as in TensorFlow's ExponentialMovingAverage). With `every` = n it
    does so after each nth step with d to the power n: cheaper, same memory.

    Args:
        model: the module in training, on its device and in its memory format; its tensors must stay the same objects.
    """

    weights: ClassVar[str] = "ema"

    def __init__(
        self,
        model: nn.Module,
        *,
        decay: Annotated[float, Spec("part of the average kept each step", ge=0.0, lt=1.0)] = 0.999,
        warmup: Annotated[bool, Spec("keep less of it in the first steps")] = True,
        every: Annotated[int, Spec("steps between updates", ge=1, le=1000)] = 1,
    ) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._decay, self._warmup, self._every = decay, warmup, every
        self._steps = 0
        pairs = list(zip(_tensors(self.model), _tensors(model), strict=True))
        self._floats = _columns([pair for pair in pairs if pair[0].is_floating_point()])
        self._others = _columns([pair for pair in pairs if not pair[0].is_floating_point()])

    @torch.no_grad()
    def update(self) -> None:
        """Count a step, and take in the weights if it is an nth one."""
        self._steps += 1
        if self._steps % self._every:
            return
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps)) if self._warmup else self._decay
        torch._foreach_lerp_(*self._floats, weight=1 - decay**self._every)
        if self._others[0]:
            torch._foreach_copy_(*self._others)

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Nothing to do: batch-norm statistics are averaged like weights."""

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of steps seen."""
        return {"model": self.model.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`. Raises RuntimeError where the model differs."""
        self.model.load_state_dict(state["model"])
        self._steps = state["steps"]


@register("averaging", title="Stochastic weight averaging", paper="1803.05407")
class Swa:
    """Equal average of the weights along the last part of training, SWA (Izmailov et al. 2018, arXiv:1803.05407).

    Weights are taken in every so many epochs, counted back from the end so that the last ones are among them. Before
    the first of them the model in training is the one to evaluate. The paper keeps a constant or cyclic learning rate
    while it averages; that is the schedule's to say, and the average works with any.

    Batch-norm statistics of averaged weights are those of no training, so they are taken anew from an epoch of
    augmented training images before an average is evaluated: a forward pass over the training set each time it has
    changed.

    Args:
        model: the module in training, on its device and in its memory format; its tensors must stay the same objects.
        epochs: of the whole training.
        steps: in an epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        epochs: int,
        steps: int,
        *,
        start: Annotated[float, Spec("part of the training after which averaging begins", ge=0.0, lt=1.0)] = 0.75,
        every: Annotated[float, Spec("time between the weights averaged", gt=0.0, unit="epochs")] = 1.0,
    ) -> None:
        self._raw = model
        self._average = copy.deepcopy(model).requires_grad_(False).eval()
        self._left = epochs * steps
        self._span = max(1, round((1 - start) * epochs * steps))  # steps at the end in which weights are taken in
        self._every = max(1, round(every * steps))
        self._count = 0
        self._settled = False
        pairs = list(zip(_tensors(self._average), _tensors(model), strict=True))
        self._floats = _columns([pair for pair in pairs if pair[0].is_floating_point()])
        self._others = _columns([pair for pair in pairs if not pair[0].is_floating_point()])

    @property
    def model(self) -> nn.Module:
        """The average, or the module in training before there is one."""
        return self._average if self._count else self._raw

    @property
    def weights(self) -> str:
        return "swa" if self._count else "raw"

    @torch.no_grad()
    def update(self) -> None:
        """Count a step, and take in the weights if it is their turn."""
        self._left -= 1
        if self._left > self._span or self._left % self._every:
            return
        self._count += 1
        torch._foreach_lerp_(*self._floats, weight=1 / self._count)
        if self._others[0]:
            torch._foreach_copy_(*self._others)
        self._settled = False

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Take the batch-norm statistics of an average that has changed. What `batches` raises is the caller's."""
        if self._count and not self._settled:
            take_statistics(self._average, batches, autocast)
            self._settled = True

    def state_dict(self) -> dict[str, Any]:
        """The average, where there is one, and how far it has come."""
        average = self._average.state_dict() if self._count else {}
        return {"model": average, "left": self._left, "count": self._count, "settled": self._settled}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`. Raises RuntimeError where the model differs."""
        if state["count"]:
            self._average.load_state_dict(state["model"])
        self._left, self._count, self._settled = state["left"], state["count"], state["settled"]


@torch.no_grad()
def take_statistics(model: nn.Module, batches: Iterable[Tensor], autocast: Autocast) -> None:
    """Set the running statistics of every batch norm to the mean over the batches, each with the same weight.

    All other modules are as they were: in an evaluated model nothing drops out and nothing is drawn, so the random
    state stays what it was. (`torch.optim.swa_utils.update_bn` draws the dropout of training instead.)
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm.momentum, norm.training) for norm in norms]
    if not norms:
        return
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
        for i, images in enumerate(batches):
            for norm in norms:  # for a mean torch's own `None` would read its count back from the device
                norm.momentum = None if isinstance(norm, GhostBatchNorm2d) else 1 / (i + 1)
            with autocast():
                model(images)
    finally:
        for norm, (momentum, training) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.train(training)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*(parameter.detach() for parameter in model.parameters()), *model.buffers()]


def _columns(pairs: list[tuple[Tensor, Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    return [average for average, _ in pairs], [current for _, current in pairs]


def build_averaging(
    choice: Choice, model: nn.Module, parts: Catalog | None = None, *, epochs: int = 1, steps: int = 1
) -> Averaging:
    """The chosen average of `model`, told those of `epochs` and `steps` (in an epoch) that its signature names.

    Raises:
        BadInput: an unknown name.
    """
    parts = parts or catalog()
    part = parts.get("averaging", choice.name)
    facts = {"model": model, "epochs": epochs, "steps": steps}
    averaging: Averaging = parts.load(part)(**{name: facts[name] for name in part.positional}, **choice.options)
    return averaging
