"""AutoAugment: pairs of operations found by a search. Cubuk et al. 2018, arXiv:1805.09501."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import numpy as np
from torch import Tensor

from engine.augment.op import Arrays, Params
from engine.augment.options import BorderGray, Interpolation
from engine.augment.passes import CODES, SHIFT, Passes, amounts, strengths
from engine.contract.catalog import Spec, register

# From the paper's appendix. "|" separates pairs; each operation is followed by its probability in tenths and its level,
# 0 to 9 (0 if it has none).
TABLES: Final = {
    "cifar10": """
        invert 1 0, contrast 2 6          | rotate 7 2, translate_x 3 9    | sharpness 8 1, sharpness 9 3 |
        shear_y 5 8, translate_y 7 9      | autocontrast 5 0, equalize 9 0 | shear_y 2 7, posterize 3 7 |
        color 4 3, brightness 6 7         | sharpness 3 9, brightness 7 9  | equalize 6 0, equalize 5 0 |
        contrast 6 7, sharpness 6 5       | color 7 7, translate_x 5 8     | equalize 3 0, autocontrast 4 0 |
        translate_y 4 3, sharpness 2 6    | brightness 9 6, color 2 8      | solarize 5 2, invert 0 0 |
        equalize 2 0, autocontrast 6 0    | equalize 2 0, equalize 6 0     | color 9 9, equalize 6 0 |
        autocontrast 8 0, solarize 2 8    | brightness 1 3, color 7 0      | solarize 4 5, autocontrast 9 0 |
        translate_y 9 9, translate_y 7 9  | autocontrast 9 0, solarize 8 3 | equalize 8 0, invert 1 0 |
        translate_y 7 9, autocontrast 9 0""",
    "svhn": """
        shear_x 9 4, invert 2 0       | shear_y 9 8, invert 7 0      | equalize 6 0, solarize 6 6 |
        invert 9 0, equalize 6 0      | equalize 6 0, rotate 9 3     | shear_x 9 4, autocontrast 8 0 |
        shear_y 9 8, invert 4 0       | shear_y 9 5, solarize 2 6    | invert 9 0, autocontrast 8 0 |
        equalize 6 0, rotate 9 3      | shear_x 9 4, solarize 3 3    | shear_y 8 8, invert 7 0 |
        equalize 9 0, translate_y 6 6 | invert 9 0, equalize 6 0     | contrast 3 3, rotate 8 4 |
        invert 8 0, translate_y 0 2   | shear_y 7 6, solarize 4 8    | invert 6 0, rotate 8 4 |
        shear_y 3 7, translate_x 9 3  | shear_x 1 6, invert 6 0      | solarize 7 2, translate_y 6 7 |
        shear_y 8 4, invert 8 0       | shear_x 7 9, translate_y 8 3 | shear_y 8 5, autocontrast 7 0 |
        shear_x 7 2, invert 1 0""",
    "imagenet": """
        posterize 4 8, rotate 6 9      | solarize 6 5, autocontrast 6 0 | equalize 8 0, equalize 6 0 |
        posterize 6 7, posterize 6 6   | equalize 4 0, solarize 2 4     | equalize 4 0, rotate 8 8 |
        solarize 6 3, equalize 6 0     | posterize 8 5, equalize 10 0   | rotate 2 3, solarize 6 8 |
        equalize 6 0, posterize 4 6    | rotate 8 8, color 4 0          | rotate 4 9, equalize 6 0 |
        equalize 0 0, equalize 8 0     | invert 6 0, equalize 10 0      | color 6 4, contrast 10 8 |
        rotate 8 8, color 10 2         | color 8 8, solarize 8 7        | sharpness 4 7, invert 6 0 |
        shear_x 6 5, equalize 10 0     | color 4 0, equalize 6 0        | equalize 4 0, solarize 2 4 |
        solarize 6 5, autocontrast 6 0 | invert 6 0, equalize 10 0      | color 6 4, contrast 10 8 |
        equalize 8 0, equalize 6 0""",
}
LEVELS: Final = 10


def pairs_of(policy: str) -> list[list[tuple[str, float, int]]]:
    """The 25 pairs of (operation, probability, level) of a policy in `TABLES`."""
    steps = ([step.split() for step in pair.split(",")] for pair in TABLES[policy].split("|"))
    return [[(name, int(tenths) / 10, int(level)) for name, tenths, level in pair] for pair in steps]


@register("op", title="AutoAugment", stage="image", geometry=True, paper="1805.09501")
class AutoAugment:
    """One of 25 pairs of operations found by a search for each image, each operation with its own probability.

    Cubuk et al. 2018, arXiv:1805.09501; draws and ranges follow torchvision. pprp/pytorch-cifar-tricks rotates in one
    direction only and fills with gray: `rotation = "positive"`, `fill = 128`.
    """

    def __init__(
        self,
        *,
        policy: Annotated[
            Literal["cifar10", "svhn", "imagenet"], Spec("data set that the pairs were searched on")
        ] = "cifar10",
        rotation: Annotated[
            Literal["both", "positive"], Spec("rotation in both directions, or counter-clockwise only")
        ] = "both",
        fill: BorderGray = 0,
        interpolation: Interpolation = "nearest",
    ) -> None:
        pairs = pairs_of(policy)
        self._codes = np.array([[CODES[name] for name, _, _ in pair] for pair in pairs])  # (25, 2)
        self._odds = np.array([[odds for _, odds, _ in pair] for pair in pairs])
        self._levels = np.array([[level for _, _, level in pair] for pair in pairs])
        self._one_way = rotation == "positive"
        self._passes = Passes(2, fill=fill, interpolation=interpolation)

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        table = amounts(LEVELS, shear=0.3, shift=SHIFT * size, turn=30, blend=0.9, bits=(8, 4))
        pair = rng.integers(len(self._codes), size=n)
        codes, odds, level = (of[pair].T for of in (self._codes, self._odds, self._levels))  # each (2, n)
        sign = rng.random((2, n)) < 0.5
        if self._one_way:
            sign &= codes != CODES["rotate"]
        strength = strengths(table, codes, level, sign)
        codes = np.where(rng.random((2, n)) < odds, codes, CODES["identity"])
        return self._passes.plan(codes, strength, size)

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        return self._passes.apply(x, params), y
