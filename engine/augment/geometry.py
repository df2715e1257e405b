"""Ops that only move pixels; they run on uint8 unless an earlier op needs floats."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params, Seen, gather_groups, sources, take
from engine.contract.catalog import Spec, register

BorderFill = Annotated[Literal["zero", "reflect"], Spec("border: black, or reflected pixels")]


@register("op", title="Random crop", stage="image", geometry=True)
class RandomCrop:
    """Pad every side, then crop each image back to its size at a random place.

    This is torchvision's RandomCrop(size, padding), the standard augmentation for CIFAR since He et al. 2015,
    arXiv:1512.03385, section 4.2.
    """

    def __init__(
        self,
        *,
        padding: Annotated[int, Spec("pixels added on every side", ge=0, le=16, unit="px")] = 4,
        fill: BorderFill = "zero",
    ) -> None:
        self.padding = padding
        self.fill = fill

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        places = 2 * self.padding + 1
        return {"top": rng.integers(places, size=n), "left": rng.integers(places, size=n)}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cut_windows(x, params["top"], params["left"], self.padding, self.fill), y


@register("op", title="Translate", stage="image", geometry=True)
class Translate:
    """Shift each image by a random number of whole pixels, along one axis or both.

    With both axes, this is `random_crop` with a padding that scales with the image, or torchvision's RandomAffine
    with `translate=(reach, reach)` and no rotation, except that the shift is uniform over whole pixels. Torchvision
    rounds a real number, so that the two largest shifts are half as frequent as the others. Airbench's translation by
    2 pixels (Jordan 2024, arXiv:2404.00498) is `reach = 0.0625` with reflected borders.
    """

    def __init__(
        self,
        *,
        reach: Annotated[float, Spec("largest shift, as a fraction of the image's side", ge=0.0, le=0.5)] = 0.125,
        axes: Annotated[
            Literal["both", "horizontal", "vertical"], Spec("axes along which images are shifted")
        ] = "both",
        fill: BorderFill = "zero",
    ) -> None:
        self.reach = reach
        self.axes = axes
        self.fill = fill

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        pixels = self._pixels(size)
        top, left = rng.integers(2 * pixels + 1, size=(2, n))
        if self.axes != "both":
            still = top if self.axes == "horizontal" else left
            still[:] = pixels
        return {"top": top, "left": left}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cut_windows(x, params["top"], params["left"], self._pixels(x.shape[-1]), self.fill), y

    def _pixels(self, size: int) -> int:
        return round(self.reach * size)


def cut_windows(x: Tensor, top: Tensor, left: Tensor, padding: int, fill: str) -> Tensor:
    """Pad images x (B, C, H, W) and crop each to its old size at row `top` (B,) and column `left` (B,).

    Args:
        padding: pixels on every side; `top` and `left` are in 0..2 * padding.
        fill: "zero" or "reflect".
    """
    images, channels, height, width = x.shape
    padded = pad(x.permute(0, 2, 3, 1), padding, fill)  # (B, H + 2p, W + 2p, C)
    stride = width + 2 * padding  # pixels from one row of a window to the next
    first = (torch.arange(images, device=x.device) * (height + 2 * padding) + top) * stride
    rows = (first + left)[:, None] + torch.arange(height, device=x.device) * stride
    # Every row of every window is one row of this overlapping view, so cropping is a single `index_select` that copies
    # 96 bytes at a time, which takes 0.4 us per image. Indexing windows (unfold, as_strided) took 2.0, gathering pixels
    # 2.8, and one shifted copy for each of the 81 places 12.
    view = padded.reshape(-1).unfold(0, width * channels, channels)
    cut = view.index_select(0, rows.reshape(-1))
    return cut.view(images, height, width, channels).permute(0, 3, 1, 2)


def pad(x: Tensor, p: int, fill: str) -> Tensor:
    """Add a border of p pixels to images (B, H, W, C), contiguous."""
    images, height, width, channels = x.shape
    out = x.new_zeros(images, height + 2 * p, width + 2 * p, channels)
    out[:, p : p + height, p : p + width] = x
    if p and fill == "reflect":  # F.pad has no uint8 kernel; the edge itself is not repeated
        out[:, :, :p] = out[:, :, p + 1 : 2 * p + 1].flip(2)
        out[:, :, p + width :] = out[:, :, width - 1 : p + width - 1].flip(2)
        out[:, :p] = out[:, p + 1 : 2 * p + 1].flip(1)
        out[:, p + height :] = out[:, height - 1 : p + height - 1].flip(1)
    return out


@register("op", title="Horizontal flip", stage="image", geometry=True)
class HorizontalFlip:
    """Mirror some of the images horizontally."""

    def __init__(
        self, *, probability: Annotated[float, Spec("probability that an image is mirrored", ge=0.0, le=1.0)] = 0.5
    ) -> None:
        self.probability = probability

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        return mirrored(rng.random(n) < self.probability)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return mirror(x, params), y


@register("op", title="Alternating flip", stage="image", geometry=True, by_image=True, paper="2404.00498")
class AlternatingFlip:
    """Mirror each image in every second epoch, starting with a random one of the first two.

    An image therefore never looks the same in two consecutive epochs, while a random flip repeats itself half of the
    time. Jordan 2024, arXiv:2404.00498, "alternating flip".
    """

    def draw(self, rng: np.random.Generator, n: int, size: int, seen: Seen) -> Arrays:
        # One bit of a fixed stream per image of the training set: 782 words for the 50,000 images of CIFAR.
        words = seen.rng.bit_generator.random_raw(int(seen.images.max(initial=0)) // 64 + 1)
        coin = words[seen.images // 64] >> (seen.images % 64).astype(np.uint64) & np.uint64(1)
        return mirrored(coin == seen.epoch % 2)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return mirror(x, params), y


def mirrored(which: np.ndarray) -> Arrays:
    """The parameters of `mirror` for a boolean mask (n,) of the images to mirror."""
    index = np.flatnonzero(which)
    return {"index": index, "source": sources(len(which), index)}


def mirror(x: Tensor, params: Params) -> Tensor:
    """Mirror some of the images x (B, C, H, W), as given by `mirrored`."""
    return gather_groups((x, take(x, params["index"]).flip(-1)), params["source"])
