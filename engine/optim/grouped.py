"""What our own optimizers share: one step over all tensors of a group at once, without a word to the host."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer

from engine.optim.param_groups import Group

Scalar: TypeAlias = float | Tensor
"""A number, or one that lives on the device (0-dim), as the learning rate does on CUDA."""


class GroupedOptimizer(Optimizer):
    """An optimizer that updates the tensors of a group together.

    `_update` gets the parameters that have a gradient, and must leave the gradients as they are: what the loop measures
    after a step is the gradient of the loss. It works with lists (`torch._foreach_*`) and reads nothing back: a rate on
    the device is multiplied in, since the `alpha` of an addition would be fetched first.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step along the gradients that `closure` leaves, and return its loss."""
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
        """The state of that name of each parameter; zeros where there is none yet."""
        for parameter in params:
            if name not in self.state[parameter]:
                self.state[parameter][name] = torch.zeros_like(parameter)
        return [self.state[parameter][name] for parameter in params]


def descend(params: list[Tensor], updates: list[Tensor], rate: Scalar) -> None:
    """params -= rate * updates; the updates are used up."""
    torch._foreach_mul_(updates, rate)
    torch._foreach_sub_(params, updates)


def shrink(params: list[Tensor], lr: Scalar, weight_decay: float) -> None:
    """Decoupled weight decay (Loshchilov and Hutter 2017, arXiv:1711.05101): params *= 1 - lr * weight_decay."""
    if weight_decay:
        torch._foreach_mul_(params, 1 - lr * weight_decay)
