"""Ops that cover parts of an image: float32 images in [0, 1], before normalisation.

What is covered shows the mean of the training images (which is 0 after normalisation, so it makes no difference that
Cutout's authors cut behind it), black, or noise.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params
from engine.contract.catalog import Spec, register

TRIES = 10  # rectangles that are tried for an image before it is left as it is: torchvision's number
Fill = Annotated[Literal["mean", "black", "noise"], Spec("what shows instead: mean colour, black, or random pixels")]


@register("op", title="Cutout", stage="image", paper="1708.04552")
class Cutout:
    """Cover square holes, whose centres lie anywhere, so that a hole may hang over the border.

    DeVries and Taylor 2017, arXiv:1708.04552, as in their code. There a hole of odd length was one pixel smaller than
    it said; here it is not.
    """

    def __init__(
        self,
        mean: tuple[float, ...],
        *,
        holes: Annotated[int, Spec("holes in an image", ge=1, le=16)] = 1,
        length: Annotated[int, Spec("side of a hole", ge=1, le=64, unit="px")] = 16,
        probability: Annotated[float, Spec("chance that an image gets holes", ge=0.0, le=1.0)] = 1.0,
        fill: Fill = "mean",
    ) -> None:
        self.holes = holes
        self.length = length
        self.probability = probability
        self.colour = colour(fill, mean)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        low = rng.integers(size, size=(2, self.holes, n)) - self.length // 2
        length = np.where(rng.random(n) < self.probability, self.length, 0)
        box = np.concatenate((low.clip(0), (low + length).clip(0, size)))
        return {"box": box} | draw_fill(rng, n, self.colour)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cover_(x, params), y


@register("op", title="Random erasing", stage="image", paper="1708.04896", ordered=(("area_min", "area_max"),))
class RandomErasing:
    """Cover a rectangle of random area and shape in some images. Zhong et al. 2017, arXiv:1708.04896, algorithm 1.

    As torchvision's RandomErasing: sides `sqrt(area aspect)` and `sqrt(area / aspect)`, rounded; a rectangle that does
    not fit is drawn again, ten times at most, and then the image stays whole. The paper draws the aspect ratio
    uniformly, which favours upright rectangles; torchvision its logarithm, which favours none.
    """

    def __init__(
        self,
        mean: tuple[float, ...],
        *,
        probability: Annotated[float, Spec("chance that an image is erased", ge=0.0, le=1.0)] = 0.5,
        area_min: Annotated[float, Spec("smallest area, as a part of the image's", gt=0.0, le=1.0)] = 0.02,
        area_max: Annotated[float, Spec("largest area, as a part of the image's", gt=0.0, le=1.0)] = 0.4,
        aspect: Annotated[float, Spec("smallest height over width; 1 / aspect is the largest", gt=0.0, le=1.0)] = 0.3,
        aspect_draw: Annotated[
            Literal["log-uniform", "uniform"], Spec("how height over width is drawn: torchvision's way or the paper's")
        ] = "log-uniform",
        fill: Fill = "mean",
    ) -> None:
        self.probability = probability
        self.area = (area_min, area_max)
        self.aspect = aspect
        self.log = aspect_draw == "log-uniform"
        self.colour = colour(fill, mean)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        area = rng.uniform(*self.area, (TRIES, n)) * size**2
        if self.log:
            aspect = np.exp(rng.uniform(np.log(self.aspect), -np.log(self.aspect), (TRIES, n)))
        else:
            aspect = rng.uniform(self.aspect, 1 / self.aspect, (TRIES, n))
        sides = np.rint(np.sqrt((area / aspect, area * aspect))).astype(np.int64)  # (2, tries, n): width, height
        fits = (sides < size).all(0)
        sides = sides[:, fits.argmax(0), np.arange(n)]  # the first that fits
        sides *= fits.any(0) & (rng.random(n) < self.probability)
        low = rng.integers(size - sides + 1)
        return {"box": np.concatenate((low, low + sides))[:, None]} | draw_fill(rng, n, self.colour)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cover_(x, params), y


def colour(fill: str, mean: tuple[float, ...]) -> np.ndarray | None:
    """What covers an image, (C,) in 0..1; None for noise."""
    known = {"mean": mean, "black": (0.0,) * len(mean)}
    return np.array(known[fill]) if fill in known else None


def draw_fill(rng: np.random.Generator, n: int, colour: np.ndarray | None) -> Arrays:
    """The parameters for what covers the images: one colour, or for each image the key of its noise."""
    return {"key": rng.integers(2**32, size=n)} if colour is None else {"colour": colour}


def cover_(x: Tensor, params: Params) -> Tensor:
    """Cover boxes of x (B, C, H, W), in place.

    Args:
        params: `box` (4, holes, B), the left, top, right and bottom of each hole, and what `draw_fill` drew.
    """
    left, top, right, bottom = params["box"][..., None]  # each (holes, B, 1)
    row, column = (torch.arange(side, device=x.device) for side in x.shape[2:])
    rows = ((row >= top) & (row < bottom)).to(x.dtype)  # (holes, B, H), 0 or 1
    columns = ((column >= left) & (column < right)).to(x.dtype)
    inside = (rows[..., None] * columns[:, :, None]).amax(0)[:, None]  # (B, 1, H, W)
    if "key" in params:
        return x.lerp_(noise(params["key"], x.shape[2:].numel(), x.shape[1]).view(x.shape), inside)
    return x.lerp_(params["colour"][:, None, None], inside)


def noise(key: Tensor, pixels: int, channels: int) -> Tensor:
    """Random bytes as numbers in [0, 1], float32 (B, channels, pixels), a function of `key` (B,) and the place alone.

    A counter through a mixer of 32 bits (Mueller's, two rounds of shift and multiply) makes the three bytes of a pixel:
    the host would need a millisecond to draw as many, and a device's own generator would draw others. Keys are whole
    numbers below 2**32, and no product leaves 64 bits. At most three channels.
    """
    bits = (key[:, None] + torch.arange(pixels, device=key.device) * 0x9E3779B1) & 0xFFFFFFFF  # golden ratio * 2**32
    for _ in range(2):
        bits = ((bits >> 16) ^ bits) * 0x045D9F3B & 0xFFFFFFFF
    return torch.stack([bits >> 8 * (1 + c) & 255 for c in range(channels)], 1).to(torch.float32).mul_(1 / 255)
