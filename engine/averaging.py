"""Weight averaging: a second model, averaged over training, that is often better than the last one.

Every kind has the same interface: `update()` after each optimizer step, `settle()` before an evaluation, `model` to
evaluate, `weights` to name it in events, and a state dict. `off` returns the model itself, so the loop needs no `if`.
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
from engine.models.across_ranks import on_whole_batches
from engine.models.ghost import GhostBatchNorm2d

Autocast = Callable[[], torch.autocast]


class Averaging(Protocol):
    """The interface between the training loop and an average."""

    @property
    def model(self) -> nn.Module:
        """The module to evaluate; the one in training if nothing is averaged (yet)."""

    @property
    def weights(self) -> str:
        """The name of these weights in events: "raw", "ema" or "swa"."""

    def update(self) -> None:
        """Include the weights after an optimizer step; reads nothing back from the device."""

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Prepare `model` for an evaluation.

        Args:
            batches: augmented and normalized training images of one epoch, (B, C, H, W) each; created lazily.
            autocast: creates the context that the model runs in.
        """

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@register("averaging", title="Off")
class Off:
    """No average: the weights of the last step."""

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

    average = d * average + (1 - d) * weights after every step. With `warmup`, d = min(decay, (1 + t) / (10 + t)) at
    step t, so that the initial weights are soon forgotten (as in TensorFlow's ExponentialMovingAverage). With `every` =
    n, the average is updated after every nth step with d to the power of n, which is cheaper and decays as fast.

    Args:
        model: the module in training, on its device and in its memory format; its tensors must remain the same objects.
    """

    weights: ClassVar[str] = "ema"

    def __init__(
        self,
        model: nn.Module,
        *,
        decay: Annotated[float, Spec("share of the average that each step keeps", ge=0.0, lt=1.0)] = 0.999,
        warmup: Annotated[bool, Spec("use a smaller decay in the first steps")] = True,
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
        """Count a step, and update the average after every nth one."""
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
        """The average and the number of steps so far."""
        return {"model": self.model.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a `state_dict`. Raises RuntimeError if it belongs to a different model."""
        self.model.load_state_dict(state["model"])
        self._steps = state["steps"]


@register("averaging", title="Stochastic weight averaging", paper="1803.05407")
class Swa:
    """Equal average of the weights over the last part of training, SWA (Izmailov et al. 2018, arXiv:1803.05407).

    Weights are averaged at intervals of `every` epochs, counted back from the end so that the final weights are
    included. Before the first of them, the model in training is evaluated. The paper uses a constant or cyclic learning
    rate while averaging; the average works with any schedule.

    The batch-norm statistics of the training do not fit the averaged weights. They are therefore computed anew from one
    epoch of augmented training images before an average is evaluated, which takes a forward pass over the training set
    each time the average has changed.

    Args:
        model: the module in training, on its device and in its memory format; its tensors must remain the same objects.
        epochs: the number of epochs of the whole training; with a fraction, the last one is short.
        steps: the number of steps per epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        epochs: float,
        steps: int,
        *,
        start: Annotated[float, Spec("start of averaging, as a fraction of the training", ge=0.0, lt=1.0)] = 0.75,
        every: Annotated[float, Spec("interval between averaged weights", gt=0.0, unit="epochs")] = 1.0,
    ) -> None:
        self._raw = model
        self._average = copy.deepcopy(model).requires_grad_(False).eval()
        self._left = round(epochs * steps)
        self._span = max(1, round((1 - start) * epochs * steps))  # steps at the end in which weights are averaged
        self._every = max(1, round(every * steps))
        self._count = 0
        self._settled = False
        pairs = list(zip(_tensors(self._average), _tensors(model), strict=True))
        self._floats = _columns([pair for pair in pairs if pair[0].is_floating_point()])
        self._others = _columns([pair for pair in pairs if not pair[0].is_floating_point()])

    @property
    def model(self) -> nn.Module:
        """The average, or the module in training as long as there is none."""
        return self._average if self._count else self._raw

    @property
    def weights(self) -> str:
        return "swa" if self._count else "raw"

    @torch.no_grad()
    def update(self) -> None:
        """Count a step, and update the average if it is due."""
        self._left -= 1
        if self._left > self._span or self._left % self._every:
            return
        self._count += 1
        torch._foreach_lerp_(*self._floats, weight=1 / self._count)
        if self._others[0]:
            torch._foreach_copy_(*self._others)
        self._settled = False

    def settle(self, batches: Iterable[Tensor], autocast: Autocast) -> None:
        """Compute the batch-norm statistics of an average that has changed. Exceptions of `batches` are passed on."""
        if self._count and not self._settled:
            take_statistics(self._average, batches, autocast)
            self._settled = True

    def state_dict(self) -> dict[str, Any]:
        """The average, if there is one, and the progress of averaging."""
        average = self._average.state_dict() if self._count else {}
        return {"model": average, "left": self._left, "count": self._count, "settled": self._settled}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a `state_dict`. Raises RuntimeError if it belongs to a different model."""
        if state["count"]:
            self._average.load_state_dict(state["model"])
        self._left, self._count, self._settled = state["left"], state["count"], state["settled"]


@torch.no_grad()
def take_statistics(model: nn.Module, batches: Iterable[Tensor], autocast: Autocast) -> None:
    """Set the running statistics of every batch norm to the mean over the batches, all with equal weight.

    All other modules stay in evaluation mode: there is no dropout and nothing is drawn, so the random state does not
    change. (`torch.optim.swa_utils.update_bn` puts the model in training mode, with dropout.)

    Each of several ranks goes through the same, whole batches.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm.momentum, norm.training) for norm in norms]
    if not norms:
        return
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
        with on_whole_batches(model):
            for i, images in enumerate(batches):
                for norm in norms:  # torch's own way to a mean, `None`, would read a counter back from the device
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
    choice: Choice, model: nn.Module, parts: Catalog | None = None, *, epochs: float = 1, steps: int = 1
) -> Averaging:
    """Build the chosen average of `model`; `epochs` and `steps` (per epoch) are passed if its signature names them.

    Raises:
        BadInput: the name is unknown.
    """
    parts = parts or catalog()
    part = parts.get("averaging", choice.name)
    facts = {"model": model, "epochs": epochs, "steps": steps}
    averaging: Averaging = parts.load(part)(**{name: facts[name] for name in part.positional}, **choice.options)
    return averaging
