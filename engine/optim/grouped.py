"""The base of our own optimizers, which update all tensors of a group at once without a host synchronization."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from engine.optim.eager import Optimizer
from engine.optim.param_groups import Group

Scalar: TypeAlias = float | Tensor
"""A Python number, or a 0-dim tensor on the device, as the learning rate is on CUDA."""


class GroupedOptimizer(Optimizer):
    """An optimizer that updates the tensors of a group together.

    `_update` gets the parameters that have a gradient. It must leave the gradients unchanged, because the loop measures
    them after the step. It works on lists (`torch._foreach_*`) and reads nothing back to the host: a learning rate on
    the device is multiplied in, since passing it as the `alpha` of an addition would fetch it first.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step along the gradients that `closure` computes, and return its loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [parameter for parameter in group["params"] if parameter.grad is not None]
            if params:
                self._update(group, params, [parameter.grad for parameter in params])
        return loss

    @abstractmethod
    def _update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        """Move `params` in place."""

    def _state(self, params: Sequence[Tensor], name: str) -> list[Tensor]:
        """The state `name` of each parameter, initialized with zeros."""
        for parameter in params:
            if name not in self.state[parameter]:
                self.state[parameter][name] = torch.zeros_like(parameter)
        return [self.state[parameter][name] for parameter in params]


def descend(params: list[Tensor], updates: list[Tensor], rate: Scalar) -> None:
    """params -= rate * updates; overwrites the updates."""
    torch._foreach_mul_(updates, rate)
    torch._foreach_sub_(params, updates)


def shrink(params: list[Tensor], lr: Scalar, weight_decay: float) -> None:
    """Decoupled weight decay (Loshchilov and Hutter 2017, arXiv:1711.05101): params *= 1 - lr * weight_decay."""
    if weight_decay:
        torch._foreach_mul_(params, 1 - lr * weight_decay)
