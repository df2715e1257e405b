"""torch's optimizers without the import of its compiler, which takes as long as importing torch itself.

torch marks methods of its optimizers as not to be compiled, or as places where a compiled graph ends. The first call of
such a method imports `torch._dynamo`: 1.4 s of CPU time next to 1.8 s for torch (2.14), in every training process. Here
no optimizer step is ever compiled (see `engine.loop.steps`), so the classes below use the same methods without those
wrappers, which changes no result.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch


class Optimizer(torch.optim.Optimizer):
    """The base class of optimizers whose steps are never compiled."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


def uncompiled(step: Any) -> Any:
    """A step of torch's without its wrapper, which also disables the recording of gradients."""
    return torch.no_grad()(inspect.unwrap(step))


class SGD(Optimizer, torch.optim.SGD):
    step = uncompiled(torch.optim.SGD.step)


class Adam(Optimizer, torch.optim.Adam):
    step = uncompiled(torch.optim.Adam.step)


class AdamW(Optimizer, torch.optim.AdamW):
    step = uncompiled(torch.optim.AdamW.step)
