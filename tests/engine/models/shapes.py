"""Models without memory or numbers, on the meta device, for tests that read shapes and counts alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
SAME_SHAPE = {F.batch_norm, F.gelu, F.group_norm, F.layer_norm, F.relu, F.silu, F.hardswish}
SUMS = {Tensor.add, Tensor.__add__, torch.add}


class ShapesOnly(TorchFunctionMode):
    """Give tensors on the meta device the shape that initializations, norms and activations leave, and nothing else.

    On that device torch carries these out operation by operation in Python, which takes more time than all the rest of
    a model; so are biases added, and tensors of one shape. Tensors that hold numbers are computed as ever.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func in IN_PLACE or func in SAME_SHAPE:
            tensor = args[0] if args else next(iter(kwargs.values()))
            if tensor.is_meta:
                return tensor if func in IN_PLACE else tensor.view_as(tensor)
        elif func in SUMS and len(args) == 2 and not kwargs and alike(*args):
            return args[0].view_as(args[0])
        elif func is F.linear and len(args) == 3 and args[0].is_meta and args[2] is not None:
            assert args[2].shape == args[1].shape[:1]
            return func(*args[:2])
        elif func is F.scaled_dot_product_attention and len(args) == 3 and args[0].is_meta and not masked(kwargs):
            return args[0] @ args[1].transpose(-2, -1) @ args[2]  # the same multiply-adds
        return func(*args, **(kwargs or {}))


def alike(one: Any, other: Any) -> bool:
    """Whether both are tensors on the meta device, of one shape and type."""
    both = isinstance(one, Tensor) and isinstance(other, Tensor) and one.is_meta and other.is_meta
    return both and one.shape == other.shape and one.dtype == other.dtype


def masked(options: Any) -> bool:
    return (options or {}).get("attn_mask") is not None


@contextmanager
def on_meta() -> Iterator[None]:
    """Within the block, models are built and run on the meta device, for their shapes alone."""
    with torch.device("meta"), ShapesOnly():
        yield


def blank(name: str, num_classes: int = 10, in_channels: int = 3, image_size: int = 32, **options: Any) -> nn.Module:
    """The model of that name on the meta device."""
    facts = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
    with on_meta():
        return build_model(Choice(name=name, **options), **facts, catalog=catalog())
