"""What every optimizer of the catalog keeps, found by itself."""

import copy
import io
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.contract.recipe.catalog import Part
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr
from tests.engine.optim.small_net import closure, every_optimizer

AROUND: dict[str, dict[str, Any]] = {
    "alone": {},
    "lookahead": {"lookahead": 2},
    "lookahead of the speed records": {"lookahead": 2, "lookahead_alpha_end": 0.5, "lookahead_buffers": True},
    "sam": {"sharpness": "sam"},
    "asam and lookahead": {"sharpness": "asam", "lookahead": 3},
}
every_wrapping = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)


class NoHostRead(TorchDispatchMode):
    """Fails where a tensor's value is read into Python: on a GPU each such read waits for the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "a value was read back to the host"
        return func(*args, **(kwargs or {}))


def net() -> nn.Module:
    """Without a bias before the batch norm: its gradient is rounding, which Adam turns into steps of full size."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))
    return body.to(memory_format=torch.channels_last)


def options(part: Part, around: dict[str, Any] | None = None) -> dict[str, Any]:
    return part.defaults | {param.name: param.default for param in COMMON["optimizer"]} | (around or {})


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    losses = []
    for step in steps:
        set_lr(optimizer, 1 / (1 + step))
        losses.append(optimizer.step(partial(closure, model, step)).detach())
    return [float(loss) for loss in losses]


@every_wrapping
@every_optimizer
def test_ten_steps_on_one_batch_lower_the_loss(part: Part, around: dict[str, Any]) -> None:
    model = net()
    optimizer = build_optimizer(Choice(name=part.name, **options(part, around)), model)
    losses = [float(optimizer.step(partial(closure, model)).detach()) for _ in range(10)]
    assert losses[-1] < 0.9 * losses[0]


@every_optimizer
def test_every_group_keeps_its_peak_as_initial_lr(part: Part) -> None:
    peaks = {name: 0.03 for name in part.defaults if name == "lr" or name == "other_lr"}
    choice = Choice(name=part.name, **options(part) | peaks | {"decay_norm_bias": False})
    groups = build_optimizer(choice, net()).param_groups
    assert len(groups) >= 2 and {group["initial_lr"] for group in groups} == {0.03}


@every_wrapping
@every_optimizer
def test_no_step_reads_a_value_back(part: Part, around: dict[str, Any]) -> None:
    model = net()
    optimizer = build_optimizer(Choice(name=part.name, **options(part, around)), model)
    with NoHostRead():
        for step in range(3):
            set_lr(optimizer, 1 / (1 + step))
            optimizer.step(partial(closure, model, step))


@every_optimizer
def test_a_rate_on_the_device_is_not_read_back(part: Part) -> None:
    """On CUDA the rate is a tensor; so it is here, and the steps are those of a plain number."""
    ends = []
    for on_device in (True, False):
        model = net()
        optimizer = build_optimizer(Choice(name=part.name, **options(part)), model)
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"]) if on_device else group["lr"]
        with NoHostRead():
            for step in range(3):
                set_lr(optimizer, 1 / (1 + step))
                optimizer.step(partial(closure, model, step))
        ends.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-6)


@every_optimizer
def test_a_step_leaves_the_gradient_as_the_loss_made_it(part: Part) -> None:
    """What the loop reports as the gradient's norm is measured after the step."""
    model = net()
    optimizer = build_optimizer(Choice(name=part.name, **options(part)), model)
    closure(model)
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    optimizer.step(partial(closure, model))
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


@every_wrapping
@every_optimizer
def test_a_saved_state_goes_on_bit_for_bit(part: Part, around: dict[str, Any]) -> None:
    choice = Choice(name=part.name, **options(part, around) | {"decay_norm_bias": False})
    whole = net()
    whole_optimizer = build_optimizer(choice, whole)
    train(whole, whole_optimizer, range(3))
    file = io.BytesIO()
    torch.save({"model": whole.state_dict(), "optimizer": whole_optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)

    again = net()
    again.load_state_dict(saved["model"])
    optimizer = build_optimizer(choice, again)
    optimizer.load_state_dict(saved["optimizer"])
    assert train(again, optimizer, range(3, 6)) == train(whole, whole_optimizer, range(3, 6))
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


@every_optimizer
def test_a_state_saved_on_another_device_does_not_bring_its_device_along(part: Part) -> None:
    model = net()
    optimizer = build_optimizer(Choice(name=part.name, **options(part)), model)
    train(model, optimizer, range(2))
    here = copy.copy(optimizer.param_groups[0])
    state = optimizer.state_dict()
    state["param_groups"][0] |= {"fused": None, "capturable": True, "lr": torch.tensor(0.25)}
    optimizer.load_state_dict(state)
    after = optimizer.param_groups[0]
    assert after["lr"] == 0.25 and isinstance(after["lr"], float)
    assert {key: after.get(key) for key in ("fused", "foreach")} == {key: here.get(key) for key in ("fused", "foreach")}
    assert not after.get("capturable", False) or "capturable" not in here
    train(model, optimizer, range(2, 4))


@every_optimizer
def test_weight_decay_reaches_norms_and_biases_only_when_told_to(part: Part) -> None:
    """With gradients of zero only the decay can move a weight."""
    decays = {name: 0.1 for name in part.defaults if name.endswith("weight_decay")}
    if not decays:
        pytest.skip("takes no weight decay")
    for decay_norm_bias in (True, False):
        model = net()
        nn.init.ones_(model[1].bias)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        told = decays | {"decay_norm_bias": decay_norm_bias}
        optimizer = build_optimizer(Choice(name=part.name, **options(part) | told), model)

        def zero_gradients(model: nn.Module = model) -> torch.Tensor:
            for parameter in model.parameters():
                parameter.grad = torch.zeros_like(parameter)
            return torch.zeros(())

        optimizer.step(zero_gradients)
        moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
        assert moved == (set(before) if decay_norm_bias else {"0.weight", "4.weight"})


@every_optimizer
def test_bf16_parameters_can_be_trained(part: Part) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 6, 1), nn.Flatten(), nn.Linear(6, 4)).bfloat16()
    optimizer = build_optimizer(Choice(name=part.name, **options(part)), model)
    x = torch.randn(8, 2, 1, 1).bfloat16()

    def forward() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model(x).float().square().mean()
        loss.backward()
        return loss

    losses = [float(optimizer.step(forward).detach()) for _ in range(5)]
    assert losses[-1] < losses[0] and {p.dtype for p in model.parameters()} == {torch.bfloat16}
