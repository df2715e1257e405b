"""torch's optimizers without its compiler: the same steps, hooks and states."""

import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from engine.optim import eager

SETTINGS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "fused": True},
    "Adam": {"lr": 1e-2, "weight_decay": 1e-3, "fused": True},
    "AdamW": {"lr": 1e-2, "weight_decay": 1e-2, "foreach": True},
}
EVERY_STEP = """
import gc
gc.disable()  # a third of the time that torch takes to import
import sys, torch
from torch import nn
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer

common = {param.name: param.default for param in COMMON["optimizer"]}
for part in catalog().parts("optimizer"):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    for around in ({}, {"lookahead": 2}, {"sharpness": "sam"}):
        optimizer = build_optimizer(Choice(name=part.name, **part.defaults | common | around), model)
        for _ in range(2):
            def closure():
                optimizer.zero_grad()
                loss = model(torch.ones(2, 3, 8, 8)).square().mean()
                loss.backward()
                return loss
            optimizer.step(closure)
        optimizer.load_state_dict(optimizer.state_dict())
    print(part.name)
sys.exit("torch._dynamo" in sys.modules)
"""


def closure(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad()
    loss = model(torch.randn(8, 5, generator=generator)).square().mean()
    loss.backward()
    return loss


@pytest.mark.parametrize("name, options", SETTINGS.items())
def test_steps_and_states_are_those_of_torch(name, options):
    ends = []
    for module in (torch.optim, eager):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
        optimizer = getattr(module, name)([{"params": list(model.parameters())}], **options)
        assert isinstance(optimizer, getattr(torch.optim, name))
        losses = [optimizer.step(partial(closure, model, optimizer, step)).item() for step in range(5)]
        ends.append((losses, optimizer.state_dict(), model.state_dict()))
    (losses, state, weights), (our_losses, our_state, our_weights) = ends
    assert our_losses == losses
    assert our_state["param_groups"] == state["param_groups"]
    torch.testing.assert_close(our_state["state"], state["state"], rtol=0, atol=0)
    torch.testing.assert_close(our_weights, weights, rtol=0, atol=0)


def test_the_hooks_of_a_step_are_called():
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    optimizer = eager.SGD([weight], lr=1.0)
    called = []
    optimizer.register_step_pre_hook(lambda *_: called.append("before"))
    optimizer.register_step_post_hook(lambda *_: called.append("after"))
    optimizer.step()
    assert called == ["before", "after"]
    assert not weight.detach().any()


def test_no_optimizer_of_the_catalog_imports_the_compiler():
    done = subprocess.run([sys.executable, "-c", EVERY_STEP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sgd" in done.stdout.split()
