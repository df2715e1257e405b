"""Muon: SGD with orthogonalized momentum. Jordan et al. 2024, kellerjordan.github.io/posts/muon."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from engine.contract.catalog import Spec, register
from engine.contract.errors import BadInput
from engine.optim.eager import SGD, AdamW
from engine.optim.grouped import GroupedOptimizer, shrink
from engine.optim.options import Nesterov
from engine.optim.param_groups import Group, kernel

COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
"""Of a * x + b * x^3 + c * x^5, which is steep at 0 and keeps values near 1 between 0.68 and 1.21."""
TINY: Final = 1e-7
OTHER_LR: Final = {"sgd": 0.1, "adamw": 1e-3}

Scale = Annotated[
    Literal["shape", "rms", "none"],
    Spec("scaling of the step by filter shape: the original's, one that matches AdamW, or none"),
]
Precision = Annotated[Literal["bf16", "fp32"], Spec("precision of the Newton-Schulz iterations")]


@register("optimizer", title="Muon", year=2024)
def muon(
    groups: list[Group],
    *,
    lr: Annotated[float, Spec("peak learning rate of the convolution filters", gt=0.0)] = 0.02,
    momentum: Annotated[float, Spec("momentum factor of the filters", ge=0.0, lt=1.0)] = 0.95,
    nesterov: Nesterov = True,
    weight_decay: Annotated[
        float, Spec("weight decay of the filters, multiplied by their learning rate", ge=0.0)
    ] = 0.0,
    iterations: Annotated[int, Spec("number of Newton-Schulz iterations", ge=1, le=30)] = 5,
    scale: Scale = "shape",
    renormalise: Annotated[bool, Spec("scale the filters of each layer to a mean norm of 1 before every step")] = False,
    precision: Precision = "bf16",
    other: Annotated[Literal["sgd", "adamw"], Spec("optimizer of all other parameters: Nesterov SGD or AdamW")] = "sgd",
    other_lr: Annotated[
        float, Spec("peak learning rate of the other parameters; 0: 0.1 for SGD, 0.001 for AdamW", ge=0.0)
    ] = 0.0,
    other_momentum: Annotated[float, Spec("momentum of SGD, beta1 of AdamW", ge=0.0, lt=1.0)] = 0.9,
    other_beta2: Annotated[float, Spec("beta2 of AdamW", ge=0.0, lt=1.0)] = 0.999,
    other_weight_decay: Annotated[float, Spec("L2 penalty of SGD, decoupled weight decay of AdamW", ge=0.0)] = 0.0,
) -> Muon:
    """Orthogonalized momentum for convolution filters, SGD or AdamW for all other parameters.

    The settings of cifar10-airbench are lr = 0.24, momentum = 0.6, iterations = 3, scale = "none", renormalise = true.
    """
    filters = [group | {"params": part} for group in groups if (part := [p for p in group["params"] if p.ndim == 4])]
    rest = [group | {"params": part} for group in groups if (part := [p for p in group["params"] if p.ndim != 4])]
    if not filters:
        raise BadInput("optimizer: Muon trains convolution filters, and this model has none; choose another optimizer")
    facts: Group = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    facts |= {"iterations": iterations, "scale": scale, "renormalise": renormalise, "precision": precision}
    companion: Optimizer | None = None
    if rest:
        rate = other_lr or OTHER_LR[other]
        how: dict[str, Any] = {"lr": rate, "weight_decay": other_weight_decay} | kernel(rest)
        if other == "sgd":
            companion = SGD(rest, momentum=other_momentum, nesterov=other_momentum > 0, **how)
        else:
            companion = AdamW(rest, betas=(other_momentum, other_beta2), **how)
    return Muon([facts | group for group in filters], companion)


class Muon(GroupedOptimizer):
    """Muon for groups of 4-D filters, with a companion optimizer of torch for all other parameters.

    The filters (out, in, k, k) of a layer are treated as a matrix (out, in * k * k). With its momentum v:

        v = momentum * v + g;  u = g + momentum * v if nesterov else v
        w *= 1 - lr * weight_decay;  w -= lr * s * orthogonalized(u)

    where s is sqrt(max(1, out / (in * k * k))) ("shape"), 0.2 * sqrt(max(out, in * k * k)) ("rms", Liu et al. 2025,
    arXiv:2502.16982) or 1. With `renormalise`, w is scaled to a Frobenius norm of sqrt(out) instead of decayed.

    Args:
        filters: groups of filters with their options.
        companion: an optimizer over all other parameters; its groups become groups of this optimizer, which also holds
            its state.
    """

    def __init__(self, filters: list[Group], companion: Optimizer | None) -> None:
        self._companion = companion
        super().__init__([*filters, *(companion.param_groups if companion else [])], {})

    def _update(self, group: Group, params: list[Tensor], grads: list[Tensor]) -> None:
        if "iterations" not in group:  # a group of the companion
            self._step_companion(group)
            return
        velocity = self._state(params, "momentum_buffer")
        torch._foreach_mul_(velocity, group["momentum"])
        torch._foreach_add_(velocity, grads)
        updates = torch._foreach_add(grads, velocity, alpha=group["momentum"]) if group["nesterov"] else velocity
        if group["renormalise"]:
            _renormalize(params)
        else:
            shrink(params, group["lr"], group["weight_decay"])
        shapes: dict[tuple[int, int], list[int]] = {}
        for i, parameter in enumerate(params):
            shapes.setdefault((len(parameter), parameter.numel() // len(parameter)), []).append(i)
        for shape, same in shapes.items():
            matrices = torch.stack([_matrix(updates[i], params[i]) for i in same])  # (layers, out, in * k * k)
            steps = orthogonalized(matrices, group["iterations"], group["precision"]).to(matrices.dtype)
            steps *= group["lr"] * _size(group["scale"], *shape)
            torch._foreach_sub_([_matrix(params[i], params[i]) for i in same], list(steps.unbind()))

    def _step_companion(self, group: Group) -> None:
        """Let the companion step on one of our groups. It is given our state as well, since loading replaces both."""
        assert self._companion is not None, "a group without filters has a companion"
        self._companion.param_groups, self._companion.state = [group], self.state
        self._companion.step()


def orthogonalized(matrices: Tensor, iterations: int, precision: Precision) -> Tensor:
    """Approximate U V^T for each matrix U S V^T: same singular vectors, singular values between 0.68 and 1.21.

    Args:
        matrices: (n, rows, columns), not zero; their scale does not matter.
        iterations: Newton-Schulz iterations; five bring all singular values above 1/200 of the norm into that range.

    Returns:
        (n, rows, columns), in bf16 or fp32 (fp64 stays fp64).
    """
    a, b, c = COEFFICIENTS
    kind = torch.bfloat16 if precision == "bf16" else torch.promote_types(matrices.dtype, torch.float32)
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices  # makes the products smaller
    x = (x / x.norm(dim=(1, 2), keepdim=True).clamp(min=TINY)).to(kind)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _matrix(tensor: Tensor, like: Tensor) -> Tensor:
    """A filter bank (out, in, k, k) as (out, in * k * k), with columns in the memory order of `like`; a view of it."""
    channels_last = like.is_contiguous(memory_format=torch.channels_last)
    return (tensor.permute(0, 2, 3, 1) if channels_last else tensor).flatten(1)


def _size(scale: Scale, rows: int, columns: int) -> float:
    if scale == "shape":
        return math.sqrt(max(1.0, rows / columns))
    return 0.2 * math.sqrt(max(rows, columns)) if scale == "rms" else 1.0


def _renormalize(params: list[Tensor]) -> None:
    """Scale every filter bank to a Frobenius norm of sqrt(out)."""
    norms = torch.stack(torch._foreach_norm(params)).clamp(min=TINY)
    roots = torch._foreach_mul(list((1 / norms).unbind()), [math.sqrt(len(parameter)) for parameter in params])
    torch._foreach_mul_(params, list(roots))
