"""Models without memory or numbers, on the meta device, for tests that read shapes and counts alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model

IN_PLACE = {
    nn.init.kaiming_normal_, nn.init.kaiming_uniform_, nn.init.normal_, nn.init.trunc_normal_, nn.init.uniform_,
    nn.init.xavier_uniform_, Tensor.normal_, Tensor.uniform_,
}  # fmt: skip
SAME_SHAPE = {F.batch_norm, F.gelu, F.group_norm, F.layer_norm}


class ShapesOnly(TorchFunctionMode):
    """Give tensors on the meta device the shape that initializations, norms and GELU leave, and nothing else.

    On that device torch carries these out operation by operation in Python, which takes more time than all the rest of
    a model. Tensors that hold numbers are computed as ever.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func in IN_PLACE or func in SAME_SHAPE:
            tensor = args[0] if args else next(iter(kwargs.values()))
            if tensor.is_meta:
                return tensor if func in IN_PLACE else torch.empty_like(tensor)
        return func(*args, **(kwargs or {}))


def blank(name: str, num_classes: int = 10, in_channels: int = 3, image_size: int = 32, **options: Any) -> nn.Module:
    """The model of that name on the meta device."""
    facts = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    with torch.device("meta"), ShapesOnly():
        return build_model(Choice(name=name, **options), **facts, catalog=catalog())
