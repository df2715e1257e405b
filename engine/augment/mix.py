"""Ops that mix the images of a batch with one another, and their targets in proportion."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params, Per, take
from engine.contract.catalog import Spec, register

Pair = Literal["permutation", "roll"]


def draw_partners(rng: np.random.Generator, n: int, pair: Pair) -> np.ndarray:
    """Index of each image's partner, (n,): a random permutation, or the previous image (torchvision's `roll(1)`)."""
    return rng.permutation(n) if pair == "permutation" else np.roll(np.arange(n), 1)


def mix_targets(y: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Mixed targets (B, classes), where each image keeps the share `share`, (B,) or (1,), of its own target."""
    return torch.lerp(take(y, partner), y, share[:, None])


@register("op", name="mixup", title="Mixup", stage="batch", whole_batch=True, paper="1710.09412")
class Mixup:
    """Blend each image and its target with another one. Zhang et al. 2017, arXiv:1710.09412."""

    def __init__(
        self,
        *,
        alpha: Annotated[float, Spec("shares are drawn from Beta(alpha, alpha); 1 is uniform", gt=0.0, le=100.0)] = 1.0,
        per: Annotated[Literal["image", "batch"], Spec("one share per image, or one for the whole batch")] = "image",
        pair: Annotated[
            Literal["permutation", "roll"],
            Spec("how partners are chosen: at random, or the previous image of the batch"),
        ] = "permutation",
    ) -> None:
        self.alpha = alpha
        self.per: Per = per
        self.pair: Pair = pair

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        share = rng.beta(self.alpha, self.alpha, n if self.per == "image" else 1)
        return {"share": share, "partner": draw_partners(rng, n, self.pair)}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        share, partner = params["share"], params["partner"]
        mixed = take(x, partner).lerp_(x, share[:, None, None, None])
        return mixed, mix_targets(y, partner, share)


@register("op", name="cutmix", title="CutMix", stage="batch", whole_batch=True, paper="1905.04899")
class CutMix:
    """Paste a box of another image into each image and mix targets by area. Yun et al. 2019, arXiv:1905.04899.

    The box is torchvision's: sides `size * sqrt(1 - share)`, a uniform center, clipped at the border. Targets are mixed
    by the area of the clipped box, so their shares are always the shares of pixels.
    """

    def __init__(
        self,
        *,
        alpha: Annotated[float, Spec("shares are drawn from Beta(alpha, alpha); 1 is uniform", gt=0.0, le=100.0)] = 1.0,
        per: Annotated[Literal["image", "batch"], Spec("one box per image, or one for the whole batch")] = "image",
        pair: Annotated[
            Literal["permutation", "roll"],
            Spec("how partners are chosen: at random, or the previous image of the batch"),
        ] = "permutation",
    ) -> None:
        self.alpha = alpha
        self.per: Per = per
        self.pair: Pair = pair

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        boxes = n if self.per == "image" else 1
        share = rng.beta(self.alpha, self.alpha, boxes)
        box, share = cut_boxes(share, rng.integers(size, size=(2, boxes)), size)
        return {"box": box, "share": share, "partner": draw_partners(rng, n, self.pair)}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        partner, share = params["partner"], params["share"]
        left, top, right, bottom = params["box"][:, :, None]  # each (B or 1, 1)
        channels, height, width = x.shape[1:]
        row = torch.arange(height, device=x.device)
        column = torch.arange(width * channels, device=x.device)
        rows, columns = (row >= top) & (row < bottom), (column >= left * channels) & (column < right * channels)
        inside = rows[:, :, None].to(x.dtype) * columns[:, None]  # (B or 1, H, W C), 0 or 1
        # One weight per value, in memory order, and `lerp`, which is exact at 0 and 1: `torch.where` is 4 times slower
        # on CPU, and so is one weight per pixel that is broadcast over 3 innermost channels.
        own = x.permute(0, 2, 3, 1).flatten(2)  # (B, H, W C)
        mixed = own.index_select(0, partner)
        mixed = torch.lerp(own, mixed, inside, out=mixed)
        mixed = mixed.unflatten(2, (width, channels)).permute(0, 3, 1, 2)
        return mixed, mix_targets(y, partner, share)


def cut_boxes(share: np.ndarray, center: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (4, n) as left, top, right, bottom, and the share of the area outside each of them, (n,).

    Args:
        share: the share of its area that each image should keep, (n,) in [0, 1].
        center: column and row of the center of each box, (2, n).
        size: the side of an image in pixels.
    """
    half = (0.5 * np.sqrt(1.0 - share) * size).astype(np.int64)
    low, high = np.clip(center - half, 0, size), np.clip(center + half, 0, size)
    area = (high - low).prod(axis=0)
    return np.concatenate((low, high)), 1.0 - area / size**2
