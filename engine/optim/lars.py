"""LARS, a separate learning rate for every layer (You et al. 2017, arXiv:1708.03888), and LARC, LARS with a ceiling."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from engine.contract.catalog import Spec, register
from engine.optim.grouped import GroupedOptimizer, Scalar, descend
from engine.optim.options import L2Penalty, LearningRate, Momentum, Nesterov
from engine.optim.param_groups import Group

Trust = Annotated[float, Spec("trust coefficient: norm of a layer's step relative to its weights, at lr = 1", gt=0.0)]
Eps = Annotated[float, Spec("added to the gradient norm", ge=0.0)]
Vectors = Annotated[bool, Spec("also adapt the learning rate of biases and norm layers")]


@register("optimizer", title="LARS", rescales_decay=True, year=2017, paper="1708.03888")
def lars(
    groups: list[Group],
    *,
    lr: LearningRate = 0.2,
    momentum: Momentum = 0.9,
    nesterov: Nesterov = False,
    weight_decay: L2Penalty = 5e-4,
    trust: Trust = 0.02,
    eps: Eps = 0.0,
    vectors: Vectors = False,
) -> Lars:
    """SGD whose steps have the same size relative to the weights in every layer.

    This is the paper's algorithm 1, with plain SGD for biases and norm layers, as is common practice, and with the
    learning rate outside of the momentum, as in our SGD; both forms agree while the learning rate is constant.
    """
    facts = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return Lars(groups, facts | {"trust": trust, "eps": eps, "vectors": vectors, "ceiling": False})


@register("optimizer", title="LARC", rescales_decay=True, year=2017, paper="1708.03888")
def larc(
    groups: list[Group],
    *,
    lr: Annotated[float, Spec("peak learning rate, and the maximum for every layer", gt=0.0)] = 0.1,
    momentum: Momentum = 0.9,
    nesterov: Nesterov = False,
    weight_decay: L2Penalty = 5e-4,
    trust: Trust = 0.02,
    eps: Eps = 1e-8,
    vectors: Vectors = True,
) -> Lars:
    """LARS with the learning rate of each layer clipped to lr, so steps are never larger than those of SGD.

    This follows NVIDIA's apex, which adapts vectors as well.
    """
    facts = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    return Lars(groups, facts | {"trust": trust, "eps": eps, "vectors": vectors, "ceiling": True})


class Lars(GroupedOptimizer):
    """SGD with momentum on gradients that are scaled layer by layer.

    r = trust * |w| / (|g| + weight_decay * |w| + eps), or 1 where that is undefined; with a ceiling, min(r / lr, 1)
    v = momentum * v + r * (g + weight_decay * w);  w -= lr * (r * (...) + momentum * v if nesterov else v)
    """

    def __init__(self, groups: list[Group], defaults: Group) -> None:
        super().__init__(groups, defaults)

    def _update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        momentum, lr = group["momentum"], group["lr"]
        updates = list(torch._foreach_add(grads, params, alpha=group["weight_decay"]))
        adapted = [i for i, parameter in enumerate(params) if parameter.ndim > 1 or group["vectors"]]
        if adapted:
            ratios = _ratios(group, [params[i] for i in adapted], [grads[i] for i in adapted])
            torch._foreach_mul_([updates[i] for i in adapted], list(ratios.unbind()))
        if momentum:
            velocity = self._state(params, "momentum_buffer")
            torch._foreach_mul_(velocity, momentum)
            torch._foreach_add_(velocity, updates)
            if group["nesterov"]:
                torch._foreach_add_(updates, velocity, alpha=momentum)
            else:
                torch._foreach_copy_(updates, velocity)
        descend(params, updates, lr)


def _ratios(group: Group, params: list[Tensor], grads: list[Tensor]) -> Tensor:
    """The factor of each layer's gradient, (layers,)."""
    weights, gradients = torch.stack(torch._foreach_norm(params)), torch.stack(torch._foreach_norm(grads))
    below = gradients + group["weight_decay"] * weights + group["eps"]
    ratios = torch.where((weights > 0) & (below > 0), group["trust"] * weights / below, 1.0)
    if group["ceiling"]:
        lr: Scalar = group["lr"]
        ratios = (ratios / lr).clamp(max=1.0)
    return ratios
