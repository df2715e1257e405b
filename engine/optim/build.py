"""Build the torch optimizer that a recipe names, for the device of the model."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice
from engine.optim.lookahead import Lookahead, falling, float_buffers, parameters_of
from engine.optim.param_groups import Group, param_groups
from engine.optim.sharpness import SharpnessAware

LOCAL: Final = (
    "fused",
    "foreach",
    "capturable",
)  # options that depend on the machine and are not restored from a checkpoint


def build_optimizer(choice: Choice, model: nn.Module, parts: Catalog | None = None, *, steps: int = 1) -> Optimizer:
    """Build the chosen optimizer over the trainable parameters of `model`, which is already on its device.

    The optimizer is always called as `optimizer.step(closure)`. The closure zeroes gradients, runs forward and
    backward, clips to `clip_norm` of the recipe, and returns the loss. Every group stores its peak learning rate as
    `initial_lr`, without the factor of a rule (see `set_lr`). On CUDA the learning rate is a 0-dim tensor on the
    device, so that a captured graph sees its changes and no step waits. Lookahead and sharpness-aware steps are
    attached by torch's hooks, so the returned object is the optimizer itself, not a wrapper.

    Args:
        steps: of the whole training, over which Lookahead's alpha may change.

    Raises:
        BadInput: the name is unknown, a rule of `groups` has no parameter to itself or changes a weight decay that the
            optimizer lacks, or no parameter is trained to the end.
        ValueError: the model has no trainable parameter.
    """
    parts = parts or catalog()
    part = parts.get("optimizer", choice.name)
    common = {param.name: param.default for param in COMMON["optimizer"]}
    options = {name: value for name, value in choice.options.items() if name not in common}
    common |= {name: value for name, value in choice.options.items() if name in common}
    groups = param_groups(model, decay_norm_bias=common["decay_norm_bias"], rules=common["groups"])
    optimizer: Optimizer = parts.load(part)(groups, **options)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
        _scale(group, independent_decay=common["independent_decay"])
        if group["params"][0].is_cuda:
            group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
            if "capturable" in group:
                group["capturable"] = True
    _keep_local(optimizer)
    if common["lookahead"]:
        alpha = falling(common["lookahead_alpha"], common["lookahead_alpha_end"], steps)
        buffers = float_buffers(model) if common["lookahead_buffers"] else ()
        Lookahead(optimizer, [*parameters_of(optimizer), *buffers], common["lookahead"], alpha)
    if common["sharpness"] != "off":
        SharpnessAware(optimizer, model, common["sharpness"], rho=common["rho"], eta=common["eta"])
    return optimizer


def _scale(group: Group, *, independent_decay: bool) -> None:
    """Apply the factors of the group's rule, if it has one, to learning rate and weight decay.

    With `independent_decay`, the weight decay is divided by the group's peak learning rate. The optimizer multiplies
    both, so a step at the peak takes off the same whatever that rate is (Wortsman et al. 2023, arXiv:2309.14322; the
    "decoupled" weight decay of cifar10-airbench). The decay still follows the schedule.
    """
    group["lr"] *= group.get("lr_factor", 1.0)
    decay = group.pop("decay_factor", 1.0)
    if "weight_decay" in group:
        group["weight_decay"] *= decay / group["lr"] if independent_decay else decay
    elif decay != 1.0 or independent_decay:
        raise BadInput("optimizer: independent_decay and the decay of a rule need an optimizer with weight decay")


def _keep_local(optimizer: Optimizer) -> None:
    """Keep options that depend on the machine when a checkpoint from another device is loaded."""
    own: list[dict[str, Any]] = [
        {name: group[name] for name in (*LOCAL, "lr") if name in group} for group in optimizer.param_groups
    ]

    def restore(loaded: Optimizer) -> None:
        for group, mine in zip(loaded.param_groups, own, strict=True):
            lr = float(group["lr"])
            group.update(mine)
            if isinstance(mine["lr"], Tensor):
                mine["lr"].fill_(lr)
            else:
                group["lr"] = lr

    optimizer.register_load_state_dict_post_hook(restore)
