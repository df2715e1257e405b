"""Shear, translate and rotate images, each by its own amount, in one gather for the whole batch."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.augment.op import Arrays, Params
from engine.augment.options import BorderGray
from engine.contract.catalog import Spec, register

Interpolation = Literal["nearest", "bilinear"]


@register("op", title="Rotate", stage="image", geometry=True)
class Rotate:
    """Rotate each image about its center by a random angle.

    This is torchvision's RandomRotation(degrees): the angle is uniform in [-degrees, degrees], and the corners are
    filled with `fill`.
    """

    def __init__(
        self,
        *,
        degrees: Annotated[float, Spec("largest angle", ge=0.0, le=180.0, unit="degrees")] = 15.0,
        direction: Annotated[Literal["both", "positive"], Spec("both directions, or counter-clockwise only")] = "both",
        fill: BorderGray = 0,
        interpolation: Annotated[
            Literal["nearest", "bilinear"], Spec("interpolation: nearest pixel, or bilinear")
        ] = "nearest",
    ) -> None:
        self._low = -degrees if direction == "both" else 0.0
        self._high = degrees
        self._fill = fill
        self._interpolation: Interpolation = interpolation

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        return {"inverse": inverse("rotate", rng.uniform(self._low, self._high, n), size)}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        fill = self._fill / 255 if x.is_floating_point() else self._fill
        return KERNELS[self._interpolation](x, params["inverse"], fill), y


def inverse(kind: str, amounts: np.ndarray, size: int) -> np.ndarray:
    """Matrices (n, 2, 3) from output to source positions (column, row, 1), in pixels from the image's center.

    Args:
        kind: "shear_x" or "shear_y" (pixels per pixel of distance from the upper left corner), "translate_x" or
            "translate_y" (pixels, truncated to integers), "rotate" (degrees, counter-clockwise).
        amounts: (n,).
        size: the side of an image in pixels.
    """
    matrices = np.zeros((len(amounts), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1
    along = 1 if kind.endswith("_y") else 0
    if kind == "rotate":
        cosine, sine = np.cos(np.radians(amounts)), np.sin(np.radians(amounts))
        matrices[:, 0, 0] = matrices[:, 1, 1] = cosine
        matrices[:, 0, 1], matrices[:, 1, 0] = -sine, sine
    elif kind.startswith("shear"):
        matrices[:, along, 1 - along] = amounts
        matrices[:, along, 2] = amounts * size / 2
    else:
        matrices[:, along, 2] = -np.trunc(amounts)
    return matrices


def nearest(x: Tensor, inverse: Tensor, fill: float) -> Tensor:
    """Take for each pixel the nearest pixel of x at its source position.

    Ties are rounded to even, as in `grid_sample` and therefore in torchvision on tensors.

    Args:
        x: (B, C, H, W) of any dtype.
        inverse: (B, 2, 3) from `inverse`.
        fill: the value outside x.
    """
    images, channels, height, width = x.shape
    padded = x.new_full((images, height + 2, width + 2, channels), fill)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    column, row = positions(inverse, height, width)
    column, row = column.round_().clamp_(-1, width).to(torch.int32), row.round_().clamp_(-1, height).to(torch.int32)
    corner = torch.arange(images, device=x.device, dtype=torch.int32) * ((height + 2) * (width + 2)) + (width + 3)
    index = row.mul_(width + 2).add_(column).add_(corner[:, None, None])
    # Positions outside the image read a border of one pixel, so nothing is masked and whole pixels are copied.
    moved = padded.view(-1, channels).index_select(0, index.view(-1))
    return moved.view(images, height, width, channels).permute(0, 3, 1, 2)


def bilinear(x: Tensor, inverse: Tensor, fill: float) -> Tensor:
    """Blend for each pixel the four pixels of x around its source position; arguments as for `nearest`."""
    height, width = x.shape[2:]
    column, row = positions(inverse, height, width)
    grid = torch.stack(((2 * column + 1) / width - 1, (2 * row + 1) / height - 1), -1)
    planes = (
        x.to(torch.float32, memory_format=torch.contiguous_format) - fill
    )  # `grid_sample` reads 0 outside the image
    moved = F.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False).add_(fill)
    if x.is_floating_point():
        return moved
    return moved.round_().to(torch.int16).to(x.dtype).contiguous(memory_format=torch.channels_last)


def positions(inverse: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Source columns and rows (B, H, W) of all pixels; integers are the centers of pixels."""
    column = torch.arange(width, device=inverse.device) - (width - 1) / 2
    row = (torch.arange(height, device=inverse.device) - (height - 1) / 2)[:, None]
    own, other, shift = inverse[..., None, None].unbind(2)  # each (B, 2, 1, 1)
    x = own[:, 0] * column + (other[:, 0] * row + (shift[:, 0] + (width - 1) / 2))
    y = own[:, 1] * column + (other[:, 1] * row + (shift[:, 1] + (height - 1) / 2))
    return x, y


KERNELS: Final = {"nearest": nearest, "bilinear": bilinear}
