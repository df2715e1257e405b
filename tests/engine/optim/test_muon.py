"""Muon against torch's own for matrices, against its formulas in NumPy, and its companion against torch's optimizers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.muon import orthogonalized

SHARED = {"momentum": 0.8, "nesterov": True, "weight_decay": 0.3, "iterations": 4}


def newton_schulz(g: np.ndarray, iterations: int) -> np.ndarray:
    """The iteration as Jordan's post writes it, in fp64 and without turning tall matrices over."""
    x = g / np.linalg.norm(g)
    for _ in range(iterations):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


@pytest.mark.parametrize(
    "special",
    [
        {"scale": "shape", "other": "adamw", "other_lr": 0.01, "other_weight_decay": 0.2},
        {"scale": "rms", "other": "sgd", "other_weight_decay": 0.01, "nesterov": False},
        {"scale": "none", "renormalise": True, "other": "sgd", "other_lr": 0.2, "other_momentum": 0.0},
    ],
    ids=lambda special: special["scale"],
)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_thirty_steps_of_a_falling_rate_equal_the_formulas(
    special: dict[str, Any], layout: torch.memory_format, twins: Any
) -> None:
    options = {"name": "muon", "lr": 0.05, "precision": "fp32"} | SHARED | special
    twins.ours.to(memory_format=layout)
    filters = [p for p in twins.theirs.parameters() if p.ndim == 4]
    others = [p for p in twins.theirs.parameters() if p.ndim != 4]
    other_lr = options.get("other_lr", 0.1)
    decay, momentum = options.get("other_weight_decay", 0.0), options.get("other_momentum", 0.9)
    if options["other"] == "sgd":
        rest = torch.optim.SGD(others, other_lr, momentum, 0, decay, momentum > 0, foreach=False)
    else:
        rest = torch.optim.AdamW(others, other_lr, (momentum, 0.999), weight_decay=decay, foreach=False)
    velocity: dict[nn.Parameter, np.ndarray] = {}

    def oracle(closure: Callable[[], Tensor], factor: float) -> None:
        closure()
        lr = options["lr"] * factor
        for p in filters:
            w, g = (t.numpy().reshape(len(p), -1) for t in (p.detach(), p.grad))
            v = velocity[p] = options["momentum"] * velocity.get(p, 0.0) + g
            u = newton_schulz(g + options["momentum"] * v if options["nesterov"] else v, options["iterations"])
            rows, columns = w.shape
            sizes = {"shape": math.sqrt(max(1, rows / columns)), "rms": 0.2 * math.sqrt(max(rows, columns)), "none": 1}
            w = w * math.sqrt(rows) / np.linalg.norm(w) if options.get("renormalise") else w * (1 - lr * 0.3)
            p.data.copy_(torch.from_numpy(w - lr * sizes[options["scale"]] * u).view_as(p))
        rest.param_groups[0]["lr"] = other_lr * factor
        rest.step()

    twins.walk(options, oracle, tol=1e-7)


def test_with_bf16_it_stays_near_torchs_muon() -> None:
    """torch's refuses filters, so it gets the same gradients as matrices; both round to bf16, each in its own places."""
    torch.manual_seed(0)
    filters = [nn.Parameter(torch.randn(shape)) for shape in ((16, 8, 3, 3), (16, 8, 3, 3), (32, 2, 3, 3))]
    matrices = [nn.Parameter(p.detach().flatten(1).clone()) for p in filters]
    start = torch.cat([p.detach().flatten() for p in filters])
    model = nn.Module()
    model.filters = nn.ParameterList(filters)
    options = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    ours = build_optimizer(Choice(name="muon", **options), model)
    theirs = torch.optim.Muon(matrices, 0.02, 0.1, 0.9)
    for _ in range(20):
        for p, q in zip(filters, matrices, strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.flatten(1)
        ours.step()
        theirs.step()
    moved, expected = (torch.cat([p.detach().flatten() for p in ps]) - start for ps in (filters, matrices))
    assert (moved - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("shape", [(3, 12, 40), (2, 40, 12), (1, 7, 7)])
def test_orthogonalising_keeps_singular_vectors_and_evens_out_values(
    shape: tuple[int, int, int], precision: Any
) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape) * torch.logspace(-3, 3, shape[0])[:, None, None]
    for before, after in zip(matrices, orthogonalized(matrices, 5, precision).float(), strict=True):
        u, values, vt = scipy.linalg.svd(before.numpy(), full_matrices=False)
        inside = u.T @ after.numpy() @ vt.T  # diagonal if the singular vectors are the same
        diagonal = np.diag(inside)[values > np.linalg.norm(values) / 200]
        slack = 0.03 if precision == "bf16" else 1e-3
        assert diagonal.min() > 0.68 - slack and diagonal.max() < 1.21 + slack
        assert np.abs(inside - np.diag(np.diag(inside))).max() < (0.05 if precision == "bf16" else 1e-4)


class Products(TorchDispatchMode):
    """Notes the shapes of all matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.batched: list[torch.Size] = []
        self.single: list[torch.Size] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.bmm.default, torch.ops.aten.baddbmm.default):
            self.batched.append(args[0].shape)
        elif func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            self.single.append(args[0].shape)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_filters_of_one_shape_share_each_product_and_move_as_one_by_one(
    layout: torch.memory_format, precision: str
) -> None:
    """Six filter banks of four shapes, two of which are the same bank of weights seen as matrices: (24, 72)."""
    shapes = [(24, 8, 3, 3), (24, 8, 3, 3), (24, 72, 1, 1), (8, 24, 3, 3), (30, 2, 2, 2), (24, 8, 3, 3)]
    torch.manual_seed(0)
    start = [torch.randn(shape).contiguous(memory_format=layout) for shape in shapes]
    grads = [torch.randn(shape).contiguous(memory_format=layout) for shape in shapes]
    options = {"momentum": 0.6, "precision": precision, "iterations": 3, "scale": "none", "renormalise": True}

    def moved(chosen: list[int]) -> tuple[list[Tensor], Products]:
        model = nn.Module()
        model.filters = nn.ParameterList([nn.Parameter(start[i].clone()) for i in chosen])
        optimizer = build_optimizer(Choice(name="muon", lr=0.24, **options), model)
        for parameter, i in zip(model.filters, chosen, strict=True):
            parameter.grad = grads[i].clone()
        with Products() as products:
            optimizer.step()
        return [parameter.detach() for parameter in model.filters], products

    together, products = moved(list(range(len(shapes))))
    alone = [moved([i])[0][0] for i in range(len(shapes))]
    assert not products.single
    batches = [shape[0] for shape in products.batched]
    assert batches == [4] * 9 + [1] * 18, "three shapes of matrices, three products in each of three iterations"
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=4e-3 if precision == "bf16" else 1e-6)


def test_renormalised_filters_have_a_mean_norm_of_one_up_to_the_step() -> None:
    torch.manual_seed(0)
    model = nn.Conv2d(4, 9, 3, bias=False)
    optimizer = build_optimizer(Choice(name="muon", lr=1e-6, renormalise=True), model)
    model.weight.grad = torch.randn_like(model.weight)
    optimizer.step()
    assert model.weight.norm().item() == pytest.approx(3, rel=1e-5)


def test_a_gradient_of_zero_makes_no_step() -> None:
    model = nn.Conv2d(4, 9, 3, bias=False)
    before = model.weight.detach().clone()
    optimizer = build_optimizer(Choice(name="muon"), model)
    model.weight.grad = torch.zeros_like(model.weight)
    optimizer.step()
    assert torch.equal(model.weight, before)


def test_the_companion_has_its_own_rate_and_the_first_group_is_the_filters() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    for other, lr in (("sgd", 0.1), ("adamw", 1e-3)):
        groups = build_optimizer(Choice(name="muon", lr=0.02, other=other), model).param_groups
        assert [group["initial_lr"] for group in groups] == [0.02, lr]
        assert groups[0]["params"] == [model[0].weight]


def test_a_model_without_filters_is_refused() -> None:
    with pytest.raises(BadInput, match="Muon trains convolution filters, and this model has none"):
        build_optimizer(Choice(name="muon"), nn.Linear(3, 2))
