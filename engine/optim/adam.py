"""Adam (Kingma and Ba 2014, arXiv:1412.6980) and AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101)."""

from __future__ import annotations

from engine.contract.catalog import register
from engine.optim.eager import Adam, AdamW
from engine.optim.options import AdamEps, Beta1, Beta2, DecoupledDecay, L2Penalty, LearningRate
from engine.optim.param_groups import Group, kernel


@register("optimizer", title="Adam", rescales_decay=True, year=2014, paper="1412.6980")
def adam(
    groups: list[Group],
    *,
    lr: LearningRate = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: AdamEps = 1e-8,
    weight_decay: L2Penalty = 0.0,
) -> Adam:
    """Adam; weight decay is an L2 penalty, added to the gradient before Adam rescales it."""
    return Adam(groups, lr, (beta1, beta2), eps, weight_decay, **kernel(groups))


@register("optimizer", title="AdamW", year=2017, paper="1711.05101")
def adamw(
    groups: list[Group],
    *,
    lr: LearningRate = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: AdamEps = 1e-8,
    weight_decay: DecoupledDecay = 0.05,
) -> AdamW:
    """Adam with decoupled weight decay: each step also multiplies w by 1 - lr * weight_decay."""
    return AdamW(groups, lr, (beta1, beta2), eps, weight_decay, **kernel(groups))
