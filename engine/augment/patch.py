"""Ops that compose images from pieces: of four images (RICAP), or of one (crop and paste)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from engine.augment.mix import cut_boxes
from engine.augment.op import Arrays, Params, Per, take
from engine.contract.catalog import Spec, register


@register(
    "op",
    name="ricap",
    title="RICAP",
    stage="batch",
    whole_batch=True,
    eager=True,
    paper="1811.09030",
    conflicts=("random_crop", "translate"),
    conflicts_unless="after_crop",
)
class Ricap:
    """Compose each image of random windows of four images; targets are mixed by area.

    Takahashi et al. 2018, arXiv:1811.09030, section 3. The patches meet at a point whose coordinates are drawn from
    Beta(beta, beta), and each patch is a window at a random place of its image. Since RICAP crops by itself, a recipe
    with a random crop before it is invalid unless `after_crop` is set, as some published code did both.
    """

    def __init__(
        self,
        *,
        beta: Annotated[
            float, Spec("the point where patches meet is drawn from Beta(beta, beta)", gt=0.0, le=100.0)
        ] = 0.3,
        per: Annotated[
            Literal["image", "batch"], Spec("meeting point and windows per image, or the same for the whole batch")
        ] = "image",
        after_crop: Annotated[bool, Spec("allow a random crop before RICAP")] = False,
    ) -> None:
        self.beta = beta
        self.per: Per = per

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        points = n if self.per == "image" else 1
        split = np.rint(size * rng.beta(self.beta, self.beta, (2, points))).astype(np.int64)  # row, column
        height, width = patch_sides(split, size)
        return {
            "split": split,
            "partner": np.stack([rng.permutation(n) for _ in range(4)]),
            "top": rng.integers(size - height + 1),
            "left": rng.integers(size - width + 1),
            "share": height * width / size**2,
        }

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        images, channels, height, width = x.shape
        partner = params["partner"]  # (4, B)
        at_row, at_column = params["split"][:, :, None]  # each (B or 1, 1)
        corner = ((partner * height + params["top"]) * width + params["left"])[:, :, None]  # first pixels (4, B, 1)
        row = torch.arange(height, device=x.device)
        lower = row >= at_row  # (B or 1, H): whether a row belongs to the lower patches
        # Each row of the result starts with a row of a left patch and ends with a row of a right patch. Both are cut as
        # whole rows from an overlapping view, shifted into place, and joined with a weight of 0 or 1. This takes 1.4 us
        # per image on one core; gathering pixels took 4.5. Compiled code copies rows value by value, and the whole op
        # takes 15 us instead of 3.
        pixels = x.new_zeros(
            images * height * width + 2 * width, channels
        )  # with margins, as shifted rows may extend past both ends
        pixels[width:-width] = x.permute(0, 2, 3, 1).reshape(-1, channels)
        view = pixels.reshape(-1).unfold(0, width * channels, channels)  # a row starting at every pixel
        halves = []
        for side, shift in ((0, width), (1, width - at_column)):
            start = torch.where(lower, corner[side + 2] - at_row * width, corner[side]) + row * width + shift
            halves.append(view.index_select(0, start.reshape(-1)).view(images, height, width * channels))
        column = torch.arange(width * channels, device=x.device)
        right = (column >= at_column * channels).to(x.dtype)[:, None]
        left, other = halves
        patched = torch.lerp(left, other, right, out=left)
        mixed = (take(y, partner.flatten()).view(4, images, -1) * params["share"][:, :, None]).sum(0)
        return patched.view(images, height, width, channels).permute(0, 3, 1, 2), mixed


def patch_sides(split: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Heights and widths (4, n) of the upper left, upper right, lower left and lower right patches.

    Args:
        split: the row and the column at which they meet, (2, n), in 0..size.
    """
    row, column = split
    return np.stack((row, row, size - row, size - row)), np.stack((column, size - column, column, size - column))


@register("op", title="Crop and paste", stage="image")
class CropPaste:
    """Blend a box of each image into another place of the same image, flipping box and image independently.

    This is `RandomCropPaste` of pprp/pytorch-cifar-tricks: the box is CutMix's, the weight of what it covers is
    uniform. In the original code the box never reached the last row and column, and a box as large as the image raised
    an error; here both are possible.
    """

    def __init__(
        self,
        *,
        alpha: Annotated[
            float, Spec("share of the area outside the box is drawn from Beta(alpha, alpha)", gt=0.0, le=100.0)
        ] = 1.0,
        flip: Annotated[
            float, Spec("probability of flipping the image, and of flipping the box", ge=0.0, le=1.0)
        ] = 0.5,
    ) -> None:
        self.alpha = alpha
        self.flip = flip

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        box, _ = cut_boxes(rng.beta(self.alpha, self.alpha, n), rng.integers(size, size=(2, n)), size)
        sides = box[2:] - box[:2]
        low = rng.integers(size - sides + 1)
        return {
            "box": box,
            "place": np.concatenate((low, low + sides)),
            "mirror": rng.random((2, n)) < self.flip,  # the image, the box
            "keep": rng.random(n),  # weight of the image under the box
        }

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        height, width = x.shape[2:]
        row, column = (torch.arange(side, device=x.device) for side in (height, width))
        box_left, box_top, box_right, _ = params["box"][:, :, None]  # each (B, 1)
        left, top, right, bottom = params["place"][:, :, None]
        mirror_image, mirror_box = params["mirror"][:, :, None]
        # Source row and column of each pixel of the result: of the image below the box, and of the box.
        below = torch.where(mirror_image > 0, width - 1 - column, column)
        inner = torch.where(mirror_box > 0, box_right - 1 - (column - left), box_left + column - left)
        inner_row = box_top + row - top
        inside = ((row >= top) & (row < bottom))[:, :, None] & ((column >= left) & (column < right))[:, None]
        weight = inside.to(x.dtype) * (1 - params["keep"])[:, None, None]
        image = pick(x, row.expand(len(x), -1), below)
        return image.lerp_(pick(x, inner_row.clamp(0, height - 1), inner.clamp(0, width - 1)), weight[:, None]), y


def pick(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pixels of x (B, C, H, W) at every combination of the rows (B, H) and columns (B, W) of the same image."""
    index = (rows[:, :, None] * x.shape[-1] + columns[:, None]).flatten(1)[:, None]  # (B, 1, H W)
    return x.flatten(2).gather(2, index.expand(-1, x.shape[1], -1)).view(x.shape)
