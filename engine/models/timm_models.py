"""Any model of timm (pytorch-image-models, an optional extra), adapted to small images. No weights are downloaded.

There are two ways; the first is used where timm's own arguments allow it:

- Models that take an image size and a patch size (ViT, DeiT, BEiT, Swin ...) get patches so small that nearly as many
  fit along a side as at the model's own image size: 4 px for ViT-B/16 and 1 px for Swin-T, at 32 px.
- All others see the image enlarged until their last feature map is 4 px per side, as in ResNets for CIFAR: 128 px for
  the usual total stride of 32. That costs as much as the model would cost with a stem for small images.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import TIMM

LAST_MAP = 4  # px per side of the last feature map of an enlarged image


class Enlarged(nn.Module):
    """Enlarge images to `side` px by linear interpolation, then run `model`."""

    def __init__(self, model: nn.Module, side: int) -> None:
        super().__init__()
        self.model, self.side = model, side

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.model(F.interpolate(x, (self.side, self.side), mode="bilinear"))


def build_timm(name: str, num_classes: int, in_channels: int, image_size: int) -> nn.Module:
    """The timm model `name` (with or without the prefix `timm:`) with timm's random initialization.

    Raises:
        BadInput: the model cannot classify images of this size. Names are checked by the catalog.
    """
    name = name.removeprefix(TIMM)
    with torch.device("meta"):
        original = timm.create_model(name)
    facts = {"num_classes": num_classes, "in_chans": in_channels}
    problems = []
    for options, side in _ways(original, image_size):
        try:
            with torch.device("meta"):
                model = _build(name, facts | options, side, image_size)
                shape = tuple(model.eval()(torch.zeros(2, in_channels, image_size, image_size)).shape)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:  # timm's ways to refuse a size
            problems.append(str(error).partition("\n")[0])
            continue
        if shape == (2, num_classes):
            return _build(name, facts | options, side, image_size)
        problems.append(f"it makes {shape} of two images")
    raise BadInput(f"{TIMM}{name} cannot classify images of {image_size} px: {problems[-1]}")


def _build(name: str, options: dict[str, Any], side: int, image_size: int) -> nn.Module:
    model: nn.Module = timm.create_model(name, **options)
    return model if side == image_size else Enlarged(model, side)


def _ways(original: nn.Module, image_size: int) -> list[tuple[dict[str, Any], int]]:
    """What to try, best first: further arguments for timm, and the side in px of the image that the model sees."""
    takes = inspect.signature(type(original)).parameters
    published = cast("dict[str, Any]", original.pretrained_cfg)  # nn.Module declares every attribute a tensor or module
    own_side = int(published["input_size"][-1])
    ways: list[tuple[dict[str, Any], int]] = []
    patch = getattr(getattr(original, "patch_embed", None), "patch_size", None)
    if patch is not None and "img_size" in takes and "patch_size" in takes:
        small = fit_patch(image_size, own_side // (patch[0] if isinstance(patch, tuple) else patch))
        ways.append(({"img_size": image_size, "patch_size": small}, image_size))
    stages = getattr(original, "feature_info", None) or [{}]
    strides = [stage.get("reduction", 0) for stage in stages]
    enlarged = max(LAST_MAP * max(strides) or own_side, image_size)
    for side in (enlarged, own_side):
        if "img_size" in takes:
            ways.append(({"img_size": side}, side))
        ways.append(({}, side))
    return ways


def fit_patch(image_size: int, tokens: int) -> int:
    """The smallest power of two that divides the image into at most `tokens` patches per side.

    If there is none, the largest power of two that divides the image.
    """
    divisors = [2**i for i in range(image_size.bit_length()) if image_size % 2**i == 0]
    return next((patch for patch in divisors if image_size / patch <= tokens), divisors[-1])
