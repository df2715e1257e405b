"""Averages of the weights along training: a second model that is often better than the last step's.

Every kind has the same face: `update()` after each optimizer step, `model` to evaluate, `weights` to name it in events,
and a state dict. `off` is the model itself, so the loop needs no `if`.
"""

from __future__ import annotations

import copy
from typing import Annotated, Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from engine.contract.catalog import Catalog, Spec, catalog, register
from engine.contract.recipe import Choice


class Averaging(Protocol):
    """What the loop knows of an average."""

    model: nn.Module
    """The module to evaluate; with `off`, the one in training."""
    weights: ClassVar[str]
    """How events name these weights: "raw", "ema"."""

    def update(self) -> None:
        """Take in the weights after an optimizer step; reads nothing back from the device."""

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

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of steps seen."""
        return {"model": self.model.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`. Raises RuntimeError where the model differs."""
        self.model.load_state_dict(state["model"])
        self._steps = state["steps"]


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*(parameter.detach() for parameter in model.parameters()), *model.buffers()]


def _columns(pairs: list[tuple[Tensor, Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    return [average for average, _ in pairs], [current for _, current in pairs]


def build_averaging(choice: Choice, model: nn.Module, parts: Catalog | None = None) -> Averaging:
    """The chosen average of `model`. Raises BadInput for an unknown name."""
    parts = parts or catalog()
    averaging: Averaging = parts.load(parts.get("averaging", choice.name))(model, **choice.options)
    return averaging
