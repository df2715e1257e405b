"""Lookahead: k steps forward, 1 step back, around any optimizer. Zhang et al. 2019, arXiv:1907.08610."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
        every: k, the number of steps between two synchronizations.
        alpha: how far the slow weights move towards the fast ones, in (0, 1].
    """

    def __init__(self, optimizer: Optimizer, every: int, alpha: float) -> None:
        self._params = _parameters(optimizer)
        self._every, self._alpha = every, alpha
        self._steps = 0
        self._slow: list[Tensor] = []  # copied at the first step, since weights may be loaded until then
        optimizer.register_step_pre_hook(self._start)
        optimizer.register_step_post_hook(self._synchronize)
        optimizer.register_state_dict_post_hook(self._save)
        optimizer.register_load_state_dict_pre_hook(self._load)

    def _start(self, *_: Any) -> None:
        if not self._slow:
            self._slow = [parameter.detach().clone() for parameter in self._params]

    @torch.no_grad()
    def _synchronize(self, *_: Any) -> None:
        self._steps += 1
        if self._steps % self._every == 0:
            torch._foreach_lerp_(self._slow, self._params, weight=self._alpha)
            torch._foreach_copy_(self._params, self._slow)

    def _save(self, _: Optimizer, state: dict[str, Any]) -> None:
        state[KEY] = {"steps": self._steps, "every": self._every, "slow": self._slow}

    def _load(self, _: Optimizer, state: dict[str, Any]) -> None:
        self._steps = state[KEY]["steps"]
        pairs = zip(state[KEY]["slow"], self._params, strict=bool(state[KEY]["slow"]))
        self._slow = [torch.empty_like(mine).copy_(saved) for saved, mine in pairs]


def slow_weights(optimizer: Optimizer) -> list[tuple[Tensor, Tensor]]:
    """Pairs of parameter and slow weights; empty without Lookahead, and where both agree after a synchronization."""
    state = optimizer.state_dict().get(KEY)
    if state is None or state["steps"] % state["every"] == 0:
        return []
    return list(zip(_parameters(optimizer), state["slow"], strict=True))


@contextmanager
def at_slow_weights(optimizer: Optimizer) -> Iterator[None]:
    """Give the model its slow weights inside the block; these are the weights that Lookahead evaluates and returns.

    Afterwards the weights are bit-identical to what they were. Without Lookahead nothing happens.
    """
    pairs = slow_weights(optimizer)
    params, slow = [parameter.detach() for parameter, _ in pairs], [slow for _, slow in pairs]
    fast = [parameter.clone() for parameter in params]
    _copy(params, slow)
    try:
        yield
    finally:
        _copy(params, fast)


def evaluated_state(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """`model.state_dict()` as it would be inside `at_slow_weights`."""
    slow = {id(parameter): weights for parameter, weights in slow_weights(optimizer)}
    state: dict[str, Any] = model.state_dict()
    named = model.named_parameters(remove_duplicate=False)
    return state | {name: slow[id(parameter)] for name, parameter in named if id(parameter) in slow}


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@torch.no_grad()
def _copy(to: list[Tensor], values: list[Tensor]) -> None:
    if to:
        torch._foreach_copy_(to, values)
