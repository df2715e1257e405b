"""Rules for parameters by name, the recipe's `optimizer.groups`: who belongs to which, and what has ended.

A group that ends before the training does is frozen from then on. Its parameters no longer require a gradient, so the
backward pass leaves out everything that only they need, and the optimizer passes them over. The running statistics of
its norm layers, and averages of its weights, continue as before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Final

from torch import nn
from torch.optim import Optimizer

from engine.contract.errors import BadInput
from engine.contract.recipe.option_types import Rule

SHOWN: Final = 24
"""How many names of parameters a message lists."""


def assign(model: nn.Module, rules: Sequence[Rule]) -> dict[str, int]:
    """The rule of each trainable parameter, as an index by the parameter's name. The first rule that matches wins.

    Raises:
        BadInput: a rule has no parameter to itself, or no parameter is trained to the end.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    found: dict[str, int] = {}
    for i, rule in enumerate(rules):
        matched = [name for name in names if fnmatchcase(name, rule.match)]
        fresh = [name for name in matched if name not in found]
        if not fresh:
            raise BadInput(f"optimizer.groups: {_useless(rule, matched, names)}")
        found |= dict.fromkeys(fresh, i)
    if found and len(found) == len(names) and all(rules[i].until < 1 for i in found.values()):
        raise BadInput(
            "optimizer.groups: every parameter is frozen before the training ends; train some with until = 1"
        )
    return found


def _useless(rule: Rule, matched: Collection[str], names: Sequence[str]) -> str:
    if matched:
        return f"an earlier rule takes every parameter that {rule.match!r} matches; put the narrower rule first"
    listed = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return f"no trainable parameter matches {rule.match!r}; this model has {listed}"


def end_groups(optimizer: Optimizer, done: int, steps: int) -> bool:
    """Freeze each group whose part of the training is over, and drop its gradients and its state in the optimizer.

    It depends on the position alone, so a resumed run freezes what the interrupted one had frozen.

    Args:
        done: completed steps of the whole training.
        steps: of the whole training. A group is trained for the first `until` of them, rounded, but for at least one.

    Returns:
        Whether a group was frozen by this call.
    """
    over = [
        group
        for group in optimizer.param_groups
        if done >= max(round(group.get("until", 1.0) * steps), 1) and group["params"][0].requires_grad
    ]
    for group in over:
        for parameter in group["params"]:
            parameter.requires_grad_(False)
            parameter.grad = None
            optimizer.state.pop(parameter, None)
    return bool(over)
