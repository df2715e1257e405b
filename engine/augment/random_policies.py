"""Random policies without a search: RandAugment, TrivialAugment and AugMix.

Operations, ranges and draws follow torchvision.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params
from engine.augment.options import BorderGray, Interpolation
from engine.augment.passes import CODES, OPERATIONS, SHIFT, Passes, amounts, strengths
from engine.contract.catalog import Spec, register

FOURTEEN: Final = tuple(CODES[name] for name in OPERATIONS if name != "invert")


@register(
    "op", title="RandAugment", stage="image", geometry=True, paper="1909.13719", ordered=(("magnitude", "levels"),)
)
class RandAugment:
    """A few of 14 operations per image, all at the same magnitude. Cubuk et al. 2019, arXiv:1909.13719.

    Operations and their signs are drawn per image, with repetition; the identity is one of the operations.
    """

    def __init__(
        self,
        *,
        ops: Annotated[int, Spec("operations per image", ge=1, le=8)] = 2,
        magnitude: Annotated[int, Spec("magnitude of all operations, up to `levels`", ge=0)] = 9,
        levels: Annotated[int, Spec("highest magnitude; torchvision's number of bins minus 1", ge=1)] = 30,
        fill: BorderGray = 0,
        interpolation: Interpolation = "nearest",
    ) -> None:
        self.ops = ops
        self.magnitude = magnitude
        self.levels = levels
        self._passes = Passes(ops, fill=fill, interpolation=interpolation)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        table = amounts(self.levels + 1, shear=0.3, shift=SHIFT * size, turn=30, blend=0.9, bits=(8, 4))
        codes = rng.choice(FOURTEEN, (self.ops, n))
        level = np.full_like(codes, self.magnitude)
        return self._passes.plan(codes, strengths(table, codes, level, rng.random(codes.shape) < 0.5), size)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return self._passes.apply(x, params), y


@register("op", title="TrivialAugment (wide)", stage="image", geometry=True, paper="2103.10158")
class TrivialAugmentWide:
    """One of 14 operations per image, at a random magnitude. Müller and Hutter 2021, arXiv:2103.10158.

    Shifts go up to 32 pixels regardless of the image size, as in the paper.
    """

    def __init__(
        self,
        *,
        bins: Annotated[int, Spec("number of magnitudes to draw from", ge=2, le=1000)] = 31,
        fill: BorderGray = 0,
        interpolation: Interpolation = "nearest",
    ) -> None:
        self._table = amounts(bins, shear=0.99, shift=32, turn=135, blend=0.99, bits=(8, 2))
        self.bins = bins
        self._passes = Passes(1, fill=fill, interpolation=interpolation)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        codes = rng.choice(FOURTEEN, (1, n))
        level = rng.integers(self.bins, size=(1, n))
        return self._passes.plan(codes, strengths(self._table, codes, level, rng.random((1, n)) < 0.5), size)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return self._passes.apply(x, params), y


@register("op", name="augmix", title="AugMix", stage="image", geometry=True, paper="1912.02781")
class AugMix:
    """Blend an image with several augmented versions of itself. Hendrycks et al. 2020, arXiv:1912.02781.

    This op covers the images only. The paper's Jensen-Shannon consistency loss, which compares the outputs for three
    versions of an image, is not part of it.
    """

    def __init__(
        self,
        *,
        severity: Annotated[int, Spec("number of magnitudes to draw from, weakest first, out of 10", ge=1, le=10)] = 3,
        width: Annotated[int, Spec("chains of operations to blend", ge=1, le=10)] = 3,
        depth: Annotated[int, Spec("operations per chain; 0 draws one to three for each chain", ge=0, le=10)] = 0,
        alpha: Annotated[
            float,
            Spec("shares are Dirichlet(alpha) for chains, Beta(alpha, alpha) for the image", gt=0.0, le=100.0),
        ] = 1.0,
        all_ops: Annotated[
            bool, Spec("include brightness, color, contrast and sharpness, which overlap with corrupted test sets")
        ] = True,
        fill: BorderGray = 0,
        interpolation: Interpolation = "bilinear",
    ) -> None:
        blends = ("brightness", "color", "contrast", "sharpness")
        left_out = ("identity", "invert") if all_ops else ("identity", "invert", *blends)
        self._codes = tuple(CODES[name] for name in OPERATIONS if name not in left_out)
        self.severity = severity
        self.width = width
        self.depth = depth
        self.alpha = alpha
        self._passes = Passes(depth or 3, fill=fill, interpolation=interpolation)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        table = amounts(10, shear=0.3, shift=size / 3, turn=30, blend=0.9, bits=(4, 0))
        shape = (self.depth or 3, self.width * n)
        codes = rng.choice(self._codes, shape)
        strength = strengths(table, codes, rng.integers(self.severity, size=shape), rng.random(shape) < 0.5)
        if not self.depth:
            length = rng.integers(1, 4, self.width * n)
            codes[np.arange(3)[:, None] >= length] = CODES["identity"]
        own = rng.beta(self.alpha, self.alpha, n)
        shares = rng.dirichlet([self.alpha] * self.width, n).T * (1 - own)  # (width, n)
        chains = self._passes.plan(codes, strength, size, images=np.tile(np.arange(n), self.width))
        return chains | {"shares": np.concatenate((own[None], shares))}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        versions = (x, *self._passes.apply(x, params).split(len(x)))
        mixed = torch.zeros_like(x, dtype=torch.float32)
        for version, share in zip(versions, params["shares"], strict=True):
            mixed += version * share[:, None, None, None]
        return mixed.to(x.dtype), y  # bytes are truncated, as in torchvision
