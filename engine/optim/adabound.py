"""AdaBound: Adam with learning rates bounded ever more tightly around SGD's. Luo et al. 2019, arXiv:1902.09843."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from engine.contract.catalog import Spec, register
from engine.optim.grouped import GroupedOptimizer, descend, shrink
from engine.optim.options import AdamEps, Beta1, Beta2, DecoupledDecay, L2Penalty
from engine.optim.param_groups import Group

FinalLr = Annotated[float, Spec("final SGD learning rate, at the peak of the schedule", gt=0.0)]
Gamma = Annotated[
    float, Spec("how fast the bounds converge: to within a factor of 2 of final_lr after 1 / gamma steps", gt=0.0)
]
Amsbound = Annotated[bool, Spec("use the maximum of past squared gradients (AMSBound)")]


@register("optimizer", title="AdaBound", rescales_decay=True, year=2019, paper="1902.09843")
def adabound(
    groups: list[Group],
    *,
    lr: Annotated[float, Spec("peak learning rate of the initial Adam phase", gt=0.0)] = 1e-3,
    final_lr: FinalLr = 0.1,
    gamma: Gamma = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: AdamEps = 1e-8,
    amsbound: Amsbound = False,
    weight_decay: L2Penalty = 0.0,
) -> AdaBound:
    """Adam that turns into SGD: the learning rate of each weight is clipped to bounds that close in on final_lr."""
    facts = {"final_lr": final_lr, "gamma": gamma, "betas": (beta1, beta2), "eps": eps, "amsbound": amsbound}
    return AdaBound(groups, facts | {"lr": lr, "weight_decay": weight_decay, "decoupled": False})


@register("optimizer", title="AdaBoundW", year=2019, paper="1902.09843")
def adaboundw(
    groups: list[Group],
    *,
    lr: Annotated[float, Spec("peak learning rate of the initial Adam phase", gt=0.0)] = 1e-3,
    final_lr: FinalLr = 0.1,
    gamma: Gamma = 1e-3,
    beta1: Beta1 = 0.9,
    beta2: Beta2 = 0.999,
    eps: AdamEps = 1e-8,
    amsbound: Amsbound = False,
    weight_decay: DecoupledDecay = 0.0,
) -> AdaBound:
    """AdaBound with the decoupled weight decay of AdamW: each step multiplies w by 1 - lr * weight_decay.

    The authors' own AdaBoundW does not multiply weight_decay by the learning rate; this one does, like AdamW.
    """
    facts = {"final_lr": final_lr, "gamma": gamma, "betas": (beta1, beta2), "eps": eps, "amsbound": amsbound}
    return AdaBound(groups, facts | {"lr": lr, "weight_decay": weight_decay, "decoupled": True})


class AdaBound(GroupedOptimizer):
    """Algorithm 2 of the paper with the bias corrections of the authors' code, and the AMSBound variant.

    With m and v as in Adam, k = sqrt(1 - beta2^t) / (1 - beta1^t), and e = final_lr * lr / (peak of lr):

        w -= clip(lr * k / (sqrt(v) + eps), e * (1 - 1 / (gamma * t + 1)), e * (1 + 1 / (gamma * t))) * m

    The step count is kept on the device, where all bounds are computed from it.
    """

    def __init__(self, groups: list[Group], defaults: Group) -> None:
        super().__init__(groups, defaults)
        for group in self.param_groups:
            group.setdefault("initial_lr", group["lr"])

    def _update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        (beta1, beta2), lr = group["betas"], group["lr"]
        count = self._count(group, params[0].device)
        mean, square = self._state(params, "exp_avg"), self._state(params, "exp_avg_sq")
        if group["decoupled"]:
            shrink(params, lr, group["weight_decay"])
        elif group["weight_decay"]:
            grads = list(torch._foreach_add(grads, params, alpha=group["weight_decay"]))
        torch._foreach_lerp_(mean, grads, weight=1 - beta1)
        torch._foreach_mul_(square, beta2)
        torch._foreach_addcmul_(square, grads, grads, value=1 - beta2)
        if group["amsbound"]:
            largest = self._state(params, "max_exp_avg_sq")
            torch._foreach_maximum_(largest, square)
            square = largest
        correction = (1 - beta2**count).sqrt() / (1 - beta1**count)
        denominators = list(torch._foreach_sqrt(square))
        torch._foreach_add_(denominators, group["eps"])
        self._bound(group, denominators, correction, count)
        rate = (lr * correction).to(
            torch.promote_types(mean[0].dtype, torch.float32)
        )  # one kernel launch if dtypes agree
        descend(params, list(torch._foreach_div(mean, denominators)), rate)

    @staticmethod
    def _bound(group: Group, denominators: list[Tensor], correction: Tensor, count: Tensor) -> None:
        """Clip learning rates by clipping their denominators, where the schedule's factor cancels, even one of 0."""
        middle = correction * (group["initial_lr"] / group["final_lr"])
        ratio = group["gamma"] * count / (group["gamma"] * count + 1)
        lowest, highest = middle * ratio, middle / ratio
        torch._foreach_maximum_(denominators, [lowest] * len(denominators))
        torch._foreach_minimum_(denominators, [highest] * len(denominators))

    @staticmethod
    def _count(group: Group, device: torch.device) -> Tensor:
        """The number of this step, from 1, as a 0-dim tensor on `device`; a loaded state may be on another one."""
        if "step" not in group:
            kind = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
            group["step"] = torch.zeros((), dtype=kind, device=device)
        count: Tensor = group["step"].to(device)
        group["step"] = count
        return count.add_(1)
