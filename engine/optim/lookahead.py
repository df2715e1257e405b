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
    """Slow weights that follow the optimizer's: after every `every` steps slow += alpha * (weights - slow), and the
    weights go on from there (algorithm 1). The optimizer keeps its momentum, as in the paper's experiments on CIFAR.

    It hangs on the optimizer by hooks, so that groups, rates, state and `step` are all the optimizer's own; its
    checkpoint carries the slow weights under "lookahead".

    Args:
        every: k, the steps between two meetings.
        alpha: how far the slow weights go towards the others, in (0, 1].
    """

    def __init__(self, optimizer: Optimizer, every: int, alpha: float) -> None:
        self._params = _parameters(optimizer)
        self._every, self._alpha = every, alpha
        self._steps = 0
        self._slow: list[Tensor] = []  # taken before the first step, since weights may be loaded until then
        optimizer.register_step_pre_hook(self._start)
        optimizer.register_step_post_hook(self._meet)
        optimizer.register_state_dict_post_hook(self._save)
        optimizer.register_load_state_dict_pre_hook(self._load)

    def _start(self, *_: Any) -> None:
        if not self._slow:
            self._slow = [parameter.detach().clone() for parameter in self._params]

    @torch.no_grad()
    def _meet(self, *_: Any) -> None:
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
    """Every parameter with its slow weights, where those are other weights: with Lookahead, between two meetings."""
    state = optimizer.state_dict().get(KEY)
    if state is None or state["steps"] % state["every"] == 0:
        return []
    return list(zip(_parameters(optimizer), state["slow"], strict=True))


@contextmanager
def at_slow_weights(optimizer: Optimizer) -> Iterator[None]:
    """Inside, the model has its slow weights: the ones that Lookahead is to be judged by, and that it returns.

    Afterwards the weights are, to the bit, what they were. Without Lookahead nothing happens.
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
    """`model.state_dict()` as it is inside `at_slow_weights`."""
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
