"""On a GPU a training step waits for nothing, and a captured step follows the learning rate."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.averaging import build_averaging
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.losses import build_loss
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr

pytestmark = pytest.mark.gpu
every_optimizer = pytest.mark.parametrize("part", catalog().parts("optimizer"), ids=lambda part: part.name)
RECORDS = {"lookahead": 2, "lookahead_alpha_end": 0.2, "lookahead_buffers": True}
AROUND = [{}, {"lookahead": 2}, RECORDS, {"sharpness": "sam"}, {"sharpness": "asam", "lookahead": 3}]
every_wrapping = pytest.mark.parametrize("around", AROUND, ids=lambda around: "-".join(around) or "alone")


def net() -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))
    return body.cuda().to(memory_format=torch.channels_last)


def choose(part: Part, around: dict[str, Any] | None = None) -> Choice:
    common = {param.name: param.default for param in COMMON["optimizer"]}
    return Choice(name=part.name, **part.defaults | common | (around or {}))


def closure(model: nn.Module) -> Callable[[], Tensor]:
    x = torch.randn(8, 3, 8, 8, device="cuda").contiguous(memory_format=torch.channels_last)
    y = torch.eye(4, device="cuda").repeat(2, 1)
    criterion = build_loss(Choice(name="cross_entropy", label_smoothing=0.1))

    def run() -> Tensor:
        for parameter in model.parameters():
            parameter.grad = None
        with torch.autocast("cuda", torch.bfloat16):
            loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        return loss.detach()

    return run


@every_optimizer
@every_wrapping
@pytest.mark.parametrize("averaging", catalog().names("averaging"))
def test_a_step_with_clipping_and_averaging_never_waits(part: Part, around: dict[str, Any], averaging: str) -> None:
    model = net()
    optimizer = build_optimizer(choose(part, around), model)
    average = build_averaging(Choice(name=averaging), model)
    run = closure(model)
    optimizer.step(run)  # the first call allocates and tunes
    average.update()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(3):
            set_lr(optimizer, 1 / (1 + step))
            optimizer.step(run)
            average.update()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@every_optimizer
def test_a_captured_step_follows_the_learning_rate(part: Part) -> None:
    """A graph freezes host numbers: only a rate that lives on the device can still move."""
    model, eager = net(), net()
    optimizer, reference = build_optimizer(choose(part), model), build_optimizer(choose(part), eager)

    def gradients(of: nn.Module) -> None:
        for parameter in of.parameters():
            parameter.grad = torch.ones_like(parameter)

    for made, of in ((optimizer, model), (reference, eager)):
        gradients(of)
        made.step()
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        optimizer.step()
    for factor in (0.5, 0.1, 0.0):
        set_lr(optimizer, factor)
        graph.replay()
        set_lr(reference, factor)
        reference.step()
        for a, b in zip(model.parameters(), eager.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@every_optimizer
def test_a_state_saved_on_the_gpu_goes_on_on_the_cpu_and_back(part: Part) -> None:
    model = net()
    optimizer = build_optimizer(choose(part), model)
    optimizer.step(closure(model))
    set_lr(optimizer, 0.5)
    cpu = net().cpu()
    cpu.load_state_dict(model.state_dict())
    there = build_optimizer(choose(part), cpu)
    there.load_state_dict(optimizer.state_dict())
    group = there.param_groups[0]
    assert isinstance(group["lr"], float) and not group.get("capturable", False)
    for parameter in cpu.parameters():
        parameter.grad = torch.ones_like(parameter)
    there.step()
    back = build_optimizer(choose(part), model)
    back.load_state_dict(there.state_dict())
    assert back.param_groups[0]["lr"].is_cuda
    back.step(closure(model))
