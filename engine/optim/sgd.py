"""Stochastic gradient descent with momentum. Sutskever et al. 2013, proceedings.mlr.press/v28/sutskever13."""

from __future__ import annotations

from typing import Annotated

import torch

from engine.contract.catalog import Spec, register
from engine.optim.param_groups import Group, kernel


@register("optimizer", title="SGD", year=2013)
def sgd(
    groups: list[Group],
    *,
    lr: Annotated[float, Spec("peak learning rate", gt=0.0)] = 0.1,
    momentum: Annotated[float, Spec("part of the last update that is kept", ge=0.0, lt=1.0)] = 0.9,
    nesterov: Annotated[bool, Spec("look ahead along the momentum before the step")] = False,
    weight_decay: Annotated[float, Spec("L2 penalty, added to the gradient", ge=0.0)] = 0.0,
) -> torch.optim.SGD:
    """SGD with momentum, plain or Nesterov's; torch's form, where the learning rate multiplies the whole update.

    v = momentum * v + (g + weight_decay * w);  w -= lr * (g + momentum * v if nesterov else v)
    """
    nesterov = nesterov and momentum > 0  # the same step then, but torch refuses the pair
    return torch.optim.SGD(groups, lr, momentum, weight_decay=weight_decay, nesterov=nesterov, **kernel(groups))
