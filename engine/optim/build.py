"""From an optimizer choice of the recipe to a torch optimizer that fits the device of the model."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.schema import COMMON, Choice
from engine.optim.lookahead import Lookahead
from engine.optim.param_groups import param_groups
from engine.optim.sharpness import SharpnessAware

LOCAL: Final = ("fused", "foreach", "capturable")  # options that belong to the machine, not to the training


def build_optimizer(choice: Choice, model: nn.Module, parts: Catalog | None = None) -> Optimizer:
    """Build the chosen optimizer over the trainable parameters of `model`, which is already where it will train.

    `optimizer.step(closure)` is the one interface: the closure zeroes gradients, runs forward and backward, clips to
    the recipe's `clip_norm`, and returns the loss. Every group keeps its peak as `initial_lr` (`set_lr`). On CUDA the
    learning rate is a 0-dim tensor on the device, so that a captured graph sees it move and a step waits for nothing.
    Lookahead and sharpness-aware steps hang on it by torch's own hooks, so it stays the one optimizer that it was.

    Raises:
        BadInput: an unknown name.
        ValueError: no trainable parameter.
    """
    parts = parts or catalog()
    part = parts.get("optimizer", choice.name)
    common = {param.name: param.default for param in COMMON["optimizer"]}
    options = {name: value for name, value in choice.options.items() if name not in common}
    common |= {name: value for name, value in choice.options.items() if name in common}
    groups = param_groups(model, decay_norm_bias=common["decay_norm_bias"])
    optimizer: Optimizer = parts.load(part)(groups, **options)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
        if group["params"][0].is_cuda:
            group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
            if "capturable" in group:
                group["capturable"] = True
    _keep_local(optimizer)
    if common["lookahead"]:
        Lookahead(optimizer, common["lookahead"], common["lookahead_alpha"])
    if common["sharpness"] != "off":
        SharpnessAware(optimizer, model, common["sharpness"], rho=common["rho"], eta=common["eta"])
    return optimizer


def _keep_local(optimizer: Optimizer) -> None:
    """Let a loaded checkpoint bring the state of training but not the device it was saved on."""
    own = [{name: group[name] for name in (*LOCAL, "lr") if name in group} for group in optimizer.param_groups]

    def restore(loaded: Optimizer) -> None:
        for group, mine in zip(loaded.param_groups, own, strict=True):
            lr = float(group["lr"])
            group.update(mine)
            if isinstance(mine["lr"], Tensor):
                mine["lr"].fill_(lr)
            else:
                group["lr"] = lr

    optimizer.register_load_state_dict_post_hook(restore)
