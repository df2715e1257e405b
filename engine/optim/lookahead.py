"""Lookahead: k steps forward, 1 step back, around any optimizer. Zhang et al. 2019, arXiv:1907.08610."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

KEY = "lookahead"


class Lookahead:
    """Keeps slow weights: every `every` steps, slow += alpha * (weights - slow), and training continues from there.

    This is algorithm 1 of the paper. The optimizer keeps its momentum, as in the paper's CIFAR experiments. It is
    attached to the optimizer by hooks, so that groups, learning rates, state and `step` remain the optimizer's own;
    its state dict stores the slow weights under "lookahead".

    Args:
        tensors: what has slow counterparts: the weights and, as in the speed records of cifar10-airbench, possibly the
            float buffers of the model (batch-norm statistics).
        every: k, the number of steps between two synchronizations.
        alpha: how far the slow weights move towards the fast ones, in (0, 1], after so many completed steps.
    """

    def __init__(
        self, optimizer: Optimizer, tensors: Iterable[Tensor], every: int, alpha: Callable[[int], float]
    ) -> None:
        self._tensors = list(tensors)
        self._every, self._alpha = every, alpha
        self._steps = 0
        self._slow: list[Tensor] = []  # copied at the first step, since weights may be loaded until then
        optimizer.register_step_pre_hook(self._start)
        optimizer.register_step_post_hook(self._synchronize)
        optimizer.register_state_dict_post_hook(self._save)
        optimizer.register_load_state_dict_pre_hook(self._load)
        setattr(optimizer, KEY, self)  # for `slow_weights`

    @property
    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Pairs of a tensor and its slow counterpart; empty where all agree, after a synchronization."""
        return list(zip(self._tensors, self._slow, strict=True)) if self._steps % self._every else []

    def _start(self, *_: Any) -> None:
        if not self._slow:
            self._slow = [tensor.detach().clone() for tensor in self._tensors]

    @torch.no_grad()
    def _synchronize(self, *_: Any) -> None:
        self._steps += 1
        if self._steps % self._every == 0:
            torch._foreach_lerp_(self._slow, self._tensors, weight=self._alpha(self._steps))
            torch._foreach_copy_(self._tensors, self._slow)

    def _save(self, _: Optimizer, state: dict[str, Any]) -> None:
        state[KEY] = {"steps": self._steps, "every": self._every, "slow": self._slow}

    def _load(self, _: Optimizer, state: dict[str, Any]) -> None:
        self._steps = state[KEY]["steps"]
        pairs = zip(state[KEY]["slow"], self._tensors, strict=bool(state[KEY]["slow"]))
        self._slow = [torch.empty_like(mine).copy_(saved) for saved, mine in pairs]


def falling(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Alpha of `Lookahead` at a step: from `start` to `end` with the cube of the progress; constant if `end` is 0.

    The speed records of cifar10-airbench (Jordan 2024, arXiv:2404.00498) keep 0.95^5 * (t / T)^3 of the slow weights
    at step t of T, which is an alpha that falls from 1 to 1 - 0.95^5.

    Args:
        steps: of the whole training.
    """
    change = end - start if end else 0.0
    return lambda step: start + change * min(step / steps, 1.0) ** 3


def float_buffers(model: nn.Module) -> Iterator[Tensor]:
    """The buffers of a model that hold floating-point numbers, such as the running statistics of batch norm."""
    return (buffer for buffer in model.buffers() if buffer.is_floating_point())


def slow_weights(optimizer: Optimizer) -> list[tuple[Tensor, Tensor]]:
    """Pairs of a tensor of the model and its slow counterpart; empty without Lookahead, and where both agree."""
    attached: Lookahead | None = getattr(optimizer, KEY, None)
    return attached.pairs if attached else []


@contextmanager
def at_slow_weights(optimizer: Optimizer) -> Iterator[None]:
    """Give the model its slow weights inside the block; these are the weights that Lookahead evaluates and returns.

    Afterwards the weights are bit-identical to what they were. Without Lookahead nothing happens.
    """
    pairs = slow_weights(optimizer)
    tensors, slow = [tensor for tensor, _ in pairs], [slow for _, slow in pairs]
    fast = [tensor.detach().clone() for tensor in tensors]
    _copy(tensors, slow)
    try:
        yield
    finally:
        _copy(tensors, fast)


def evaluated_state(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """`model.state_dict()` as it would be inside `at_slow_weights`."""
    slow = {id(tensor): weights for tensor, weights in slow_weights(optimizer)}
    state: dict[str, Any] = model.state_dict()
    named = chain(model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False))
    return state | {name: slow[id(tensor)] for name, tensor in named if id(tensor) in slow and name in state}


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    """All parameters of an optimizer, group by group."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@torch.no_grad()
def _copy(to: list[Tensor], values: list[Tensor]) -> None:
    if to:
        torch._foreach_copy_(to, values)
