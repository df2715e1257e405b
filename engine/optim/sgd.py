"""Stochastic gradient descent with momentum. Sutskever et al. 2013, proceedings.mlr.press/v28/sutskever13."""

from __future__ import annotations

from engine.contract.catalog import register
from engine.optim.eager import SGD
from engine.optim.options import L2Penalty, LearningRate, Momentum, Nesterov
from engine.optim.param_groups import Group, kernel


@register("optimizer", title="SGD", year=2013)
def sgd(
    groups: list[Group],
    *,
    lr: LearningRate = 0.1,
    momentum: Momentum = 0.9,
    nesterov: Nesterov = False,
    weight_decay: L2Penalty = 0.0,
) -> SGD:
    """SGD with classical or Nesterov momentum, as in torch: the learning rate multiplies the whole update.

    v = momentum * v + (g + weight_decay * w);  w -= lr * (g + momentum * v if nesterov else v)
    """
    nesterov = nesterov and momentum > 0  # the step is the same without momentum, but torch rejects the combination
    return SGD(groups, lr, momentum, weight_decay=weight_decay, nesterov=nesterov, **kernel(groups))
