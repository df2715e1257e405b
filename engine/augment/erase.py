"""Ops that cover parts of an image, on float32 images in [0, 1] before normalization.

A covered area is filled with the mean of the training images, black or noise. The mean is 0 after normalization, so the
result is the same as for Cutout's authors, who cut after normalizing.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params
from engine.contract.catalog import Spec, register

TRIES = 10  # rectangles tried per image before it is left unchanged, as in torchvision
Fill = Annotated[
    Literal["mean", "black", "noise"], Spec("fill of the covered area: mean color, black, or random pixels")
]


@register("op", title="Cutout", stage="image", paper="1708.04552")
class Cutout:
    """Cover square holes with centers anywhere in the image, so that a hole may be clipped at the border.

    DeVries and Taylor 2017, arXiv:1708.04552. This follows their code, except that a hole of odd length has the stated
    length; in their code it is one pixel smaller.
    """

    def __init__(
        self,
        mean: tuple[float, ...],
        *,
        holes: Annotated[int, Spec("holes per image", ge=1, le=16)] = 1,
        length: Annotated[int, Spec("side of a hole", ge=1, le=64, unit="px")] = 16,
        probability: Annotated[float, Spec("probability that an image gets holes", ge=0.0, le=1.0)] = 1.0,
        fill: Fill = "mean",
    ) -> None:
        self.holes = holes
        self.length = length
        self.probability = probability
        self.color = color(fill, mean)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        low = rng.integers(size, size=(2, self.holes, n)) - self.length // 2
        length = np.where(rng.random(n) < self.probability, self.length, 0)
        box = np.concatenate((low.clip(0), (low + length).clip(0, size)))
        return {"box": box} | draw_fill(rng, n, self.color)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cover_(x, params), y


@register("op", title="Random erasing", stage="image", paper="1708.04896", ordered=(("area_min", "area_max"),))
class RandomErasing:
    """Cover a random rectangle in some of the images. Zhong et al. 2017, arXiv:1708.04896, algorithm 1.

    This follows torchvision's RandomErasing: the sides are `sqrt(area * aspect)` and `sqrt(area / aspect)`, rounded. A
    rectangle that does not fit is drawn again, up to ten times, and then the image is left unchanged. The paper draws
    the aspect ratio uniformly, which favors tall rectangles; torchvision draws its logarithm, which favors neither.
    """

    def __init__(
        self,
        mean: tuple[float, ...],
        *,
        probability: Annotated[float, Spec("probability that an image is erased", ge=0.0, le=1.0)] = 0.5,
        area_min: Annotated[float, Spec("smallest area, as a fraction of the image", gt=0.0, le=1.0)] = 0.02,
        area_max: Annotated[float, Spec("largest area, as a fraction of the image", gt=0.0, le=1.0)] = 0.4,
        aspect: Annotated[
            float, Spec("smallest ratio of height to width; the largest is 1 / aspect", gt=0.0, le=1.0)
        ] = 0.3,
        aspect_draw: Annotated[
            Literal["log-uniform", "uniform"], Spec("distribution of the aspect ratio: torchvision's or the paper's")
        ] = "log-uniform",
        fill: Fill = "mean",
    ) -> None:
        self.probability = probability
        self.area = (area_min, area_max)
        self.aspect = aspect
        self.log = aspect_draw == "log-uniform"
        self.color = color(fill, mean)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        area = rng.uniform(*self.area, (TRIES, n)) * size**2
        if self.log:
            aspect = np.exp(rng.uniform(np.log(self.aspect), 0.0 - np.log(self.aspect), (TRIES, n)))
        else:
            aspect = rng.uniform(self.aspect, 1 / self.aspect, (TRIES, n))
        sides = np.rint(np.sqrt((area / aspect, area * aspect))).astype(np.int64)  # (2, tries, n): width, height
        fits = (sides < size).all(0)
        sides = sides[:, fits.argmax(0), np.arange(n)]  # the first rectangle that fits
        sides *= fits.any(0) & (rng.random(n) < self.probability)
        low = rng.integers(size - sides + 1)
        return {"box": np.concatenate((low, low + sides))[:, None]} | draw_fill(rng, n, self.color)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return cover_(x, params), y


def color(fill: str, mean: tuple[float, ...]) -> np.ndarray | None:
    """The color that covers an image, (C,) in 0..1; None for noise."""
    known = {"mean": mean, "black": (0.0,) * len(mean)}
    return np.array(known[fill]) if fill in known else None


def draw_fill(rng: np.random.Generator, n: int, color: np.ndarray | None) -> Arrays:
    """The parameters of the fill: one color for all images, or a noise key per image."""
    return {"key": rng.integers(2**32, size=n)} if color is None else {"color": color}


def cover_(x: Tensor, params: Params) -> Tensor:
    """Cover boxes of x (B, C, H, W), in place.

    Args:
        params: `box` (4, holes, B), the left, top, right and bottom of each hole, and the result of `draw_fill`.
    """
    left, top, right, bottom = params["box"][..., None]  # each (holes, B, 1)
    row, column = (torch.arange(side, device=x.device) for side in x.shape[2:])
    rows = ((row >= top) & (row < bottom)).to(x.dtype)  # (holes, B, H), 0 or 1
    columns = ((column >= left) & (column < right)).to(x.dtype)
    inside = (rows[..., None] * columns[:, :, None]).amax(0)[:, None]  # (B, 1, H, W)
    if "key" in params:
        return x.lerp_(noise(params["key"], x.shape[2:].numel(), x.shape[1]).view(x.shape), inside)
    return x.lerp_(params["color"][:, None, None], inside)


def noise(key: Tensor, pixels: int, channels: int) -> Tensor:
    """Random bytes scaled to [0, 1], float32 (B, channels, pixels), which depend only on `key` (B,) and the position.

    A counter passed through a 32-bit integer hash (Mueller's, two rounds of shift and multiply) gives the three bytes
    of a pixel. Drawing them on the host would take a millisecond, and the generator of each device would draw different
    ones. Keys are integers below 2**32, so no product exceeds 64 bits. At most three channels.
    """
    bits = (key[:, None] + torch.arange(pixels, device=key.device) * 0x9E3779B1) & 0xFFFFFFFF  # golden ratio * 2**32
    for _ in range(2):
        bits = ((bits >> 16) ^ bits) * 0x045D9F3B & 0xFFFFFFFF
    return torch.stack([bits >> 8 * (1 + c) & 255 for c in range(channels)], 1).to(torch.float32).mul_(1 / 255)
