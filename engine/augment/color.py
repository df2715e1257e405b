"""Color ops on float32 images in [0, 1].

All formulas are torchvision's for float tensors. Its PIL transforms round to bytes after every step. Brightness,
contrast and saturation differ from those by up to 1.5 of 255 levels; hue, which PIL stores in bytes, by one level on
average and always by less than 20 (tested on random pixels, the worst case).
"""

from __future__ import annotations

from itertools import permutations
from typing import Annotated, Final

import numpy as np
import torch
from torch import Tensor

from engine.augment.op import Arrays, Params
from engine.contract.catalog import Spec, register

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
GRAY: Final = (0.2989, 0.587, 0.114)  # ITU-R 601-2 luma, as torchvision rounds it
ORDERS: Final = tuple(permutations(range(4)))  # every order of the four changes; an order is drawn as its index


@register("op", title="Color jitter", stage="image", colour=True)
class ColorJitter:
    """Change brightness, contrast, saturation and hue by random amounts, in a random order for each image.

    This is torchvision's ColorJitter: factors are uniform in [max(0, 1 - v), 1 + v], the hue shift is uniform in
    [-hue, hue] turns of the color wheel, and values are clamped to [0, 1] after each of the four changes.
    """

    def __init__(
        self,
        *,
        brightness: Annotated[float, Spec("largest relative change of brightness; 0 is off", ge=0.0, le=10.0)] = 0.4,
        contrast: Annotated[float, Spec("largest relative change of contrast; 0 is off", ge=0.0, le=10.0)] = 0.4,
        saturation: Annotated[float, Spec("largest relative change of saturation; 0 is off", ge=0.0, le=10.0)] = 0.4,
        hue: Annotated[float, Spec("largest shift of the hue; 0 is off", ge=0.0, le=0.5, unit="turns")] = 0.0,
    ) -> None:
        self._limits = (brightness, contrast, saturation, hue)
        self._hue = hue > 0
        self._blends = [which for which in (BRIGHTNESS, CONTRAST, SATURATION) if self._limits[which] > 0]
        self._steps = np.array([[self._step(which, order) for order in ORDERS] for which in self._blends])

    def _step(self, which: int, order: tuple[int, ...]) -> int:
        """The step at which the blend `which` is done; with hue, there are equally many steps before and after it."""
        earlier = order[: order.index(which)]
        after_hue = self._hue and HUE in earlier
        return sum(other in earlier for other in self._blends) + (len(self._blends) if after_hue else 0)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        low = [[max(0.0, 1 - limit)] for limit in self._limits[:HUE]] + [[-self._limits[HUE]]]
        high = [[1 + limit] for limit in self._limits[:HUE]] + [[self._limits[HUE]]]
        return self.plan(rng.uniform(low, high, (4, n)), rng.integers(len(ORDERS), size=n))

    def plan(self, amounts: np.ndarray, order: np.ndarray) -> Arrays:
        """The arrays that `apply` needs to make the changes `amounts` (4, n) in the orders `ORDERS[order]`, order (n,).

        Brightness, contrast and saturation are all `clamp(f * x + g * gray + m * mean(gray))` with different weights.
        At every step, one formula therefore makes the change that is due for each image, without grouping by order and
        without branches. An image without a change at some step gets the weights (1, 0, 0).
        """
        images = np.arange(amounts.shape[1])
        steps = len(self._blends) * (2 if self._hue else 1)
        weights = np.zeros((steps, 3, len(images)), np.float32)
        weights[:, 0] = 1
        for which, step in zip(self._blends, self._steps, strict=True):
            weights[step[order], 0, images] = amounts[which]
            if which != BRIGHTNESS:
                weights[step[order], 1 if which == SATURATION else 2, images] = 1 - amounts[which]
        return {"weights": weights} | ({"hue": amounts[HUE]} if self._hue else {})

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        weights = params["weights"]  # (steps, 3, B)
        before = len(self._blends)
        for step in weights[:before]:
            blend_(x, *step)
        if self._hue:
            turn_hue_(x, params["hue"])
        for step in weights[before:]:
            blend_(x, *step)
        return x, y


@register("op", title="Grayscale", stage="image", colour=True)
class Grayscale:
    """Replace all channels of some images with their luma. This is torchvision's RandomGrayscale."""

    def __init__(
        self,
        *,
        probability: Annotated[
            float, Spec("probability that an image is converted to grayscale", ge=0.0, le=1.0)
        ] = 0.1,
    ) -> None:
        self.probability = probability

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        return {"gray": (rng.random(n) < self.probability).astype(np.float32)}

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return x.lerp_(luma(x)[:, None], params["gray"][:, None, None, None]), y


def luma(x: Tensor) -> Tensor:
    """The grayscale image (B, H, W) of x (B, 3, H, W)."""
    red, green, blue = x.unbind(1)
    return torch.add(red * GRAY[0], green, alpha=GRAY[1]).add_(blue, alpha=GRAY[2])


def blend_(x: Tensor, own: Tensor, gray: Tensor, mean: Tensor) -> None:
    """Set x (B, 3, H, W) to `clamp(own * x + gray * g + mean * mean(g))`, g being its grayscale image; weights (B,)."""
    rest = luma(x)  # g, (B, H, W)
    level = rest.mean((1, 2)).mul_(mean)
    rest.mul_(gray[:, None, None]).add_(level[:, None, None])
    torch.addcmul(rest[:, None], x, own[:, None, None, None], out=x).clamp_(0, 1)


def turn_hue_(x: Tensor, turns: Tensor) -> None:
    """Rotate the hue of x (B, 3, H, W) by `turns` (B,) in [-0.5, 0.5], in place, keeping value and saturation.

    This is the conversion to HSV and back (torchvision's `adjust_hue`) in closed form: each channel is
    `low + chroma * w(hue)`, where w is a trapezoid over the hue in sixths of a turn. Selection uses `eq_` on floats and
    `lerp`, which is exact at 0 and 1: `torch.where` and its boolean masks took half of the time in eager mode on CPU.
    """
    red, green, blue = x.unbind(1)
    high, low = torch.maximum(red, green).maximum(blue), torch.minimum(red, green).minimum(blue)
    chroma = high - low
    scale = chroma.clamp(min=1e-12).reciprocal_()  # without chroma all differences below are 0, and w has no effect
    hue = (red - green).mul_(scale).add_(4)
    hue = hue.lerp_((blue - red).mul_(scale).add_(2), (high - green).eq_(0))
    hue = hue.lerp_((green - blue).mul_(scale), (high - red).eq_(0))
    hue.add_(turns[:, None, None], alpha=6)
    hue.sub_((hue * (1 / 6)).floor_(), alpha=6)  # [0, 6)
    torch.addcmul(low, chroma, (hue - 3).abs_().sub_(1).clamp_(0, 1), out=red)
    torch.addcmul(low, chroma, (hue - 2).abs_().neg_().add_(2).clamp_(0, 1), out=green)
    torch.addcmul(low, chroma, (hue - 4).abs_().neg_().add_(2).clamp_(0, 1), out=blue)
