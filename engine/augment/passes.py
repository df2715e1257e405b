"""Sequences of basic operations, another one for each image: the machine inside every automatic policy.

In each pass every image goes through one operation. The images are sorted by what they drew, so that each kernel runs
once, on neighbours whose number the host knows, and one gather takes the images from the order of a pass to that of the
next. Nothing loops over images, nothing is masked, and nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.augment import affine, tone
from engine.augment.op import Arrays, Params, take

Kernel = Callable[[Tensor, Tensor], Tensor]
"""Images (B, C, H, W) uint8 and what they drew, a row for each, to new images."""

TONES: Final[dict[str, Kernel]] = {
    "brightness": tone.brightness,
    "color": tone.saturation,
    "contrast": tone.contrast,
    "sharpness": tone.sharpness,
    "posterize": tone.posterize,
    "solarize": tone.solarize,
    "autocontrast": tone.autocontrast,
    "equalize": tone.equalize,
}
SERVES: Final = {  # the operations of each kernel; both in the order in which images are sorted
    "identity": ("identity",),
    "move": ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"),
    **{name: (name,) for name in TONES},
    "solarize": ("solarize", "invert"),
}
OPERATIONS: Final = tuple(name for names in SERVES.values() for name in names)
CODES: Final = {name: code for code, name in enumerate(OPERATIONS)}
SIGNED: Final = frozenset((*SERVES["move"], "brightness", "color", "contrast", "sharpness"))
"""Operations that go both ways: half of their amounts are negated."""

SHIFT: Final = 150 / 331
"""The largest shift of AutoAugment and RandAugment, as a share of the image's side."""


def amounts(
    bins: int, *, shear: float, shift: float, turn: float, blend: float, bits: tuple[int, int]
) -> dict[str, np.ndarray]:
    """How strong each operation is at each of `bins` levels, from nothing to the given maximum.

    Args:
        shear: pixels moved for each pixel.
        shift: pixels.
        turn: degrees.
        blend: how far a blend's weight goes from 1.
        bits: what posterize keeps at the lowest and at the highest level.
    """
    level = np.linspace(0, 1, bins)
    highest = {"shear_x": shear, "shear_y": shear, "translate_x": shift, "translate_y": shift, "rotate": turn}
    highest |= dict.fromkeys(("brightness", "color", "contrast", "sharpness"), blend)
    table = {name: level * highest.get(name, 0.0) for name in OPERATIONS}
    table["posterize"] = bits[0] - np.round(level * (bits[0] - bits[1]))
    table["solarize"] = 255 * (1 - level)
    return table


def strengths(table: dict[str, np.ndarray], codes: np.ndarray, level: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """The amount of each operation at its level, negated where `sign` says so and the operation goes both ways."""
    strength: np.ndarray = np.stack([table[name] for name in OPERATIONS])[codes, level]
    both_ways = np.array([name in SIGNED for name in OPERATIONS])
    strength[sign & both_ways[codes]] *= -1
    return strength


class Passes:
    """Applies `depth` operations to each image, one after another.

    Float images are rounded to bytes and back: equalize and posterize are defined on bytes, and all policies were found
    on them.
    """

    def __init__(self, depth: int, *, fill: int, interpolation: affine.Interpolation) -> None:
        """Args: fill: grey level that shows beyond the border, 0 to 255."""
        move = affine.KERNELS[interpolation]
        self._depth = depth
        self._kernels: dict[str, Kernel] = {"move": lambda x, inverse: move(x, inverse, fill), **TONES}

    def plan(self, codes: np.ndarray, amount: np.ndarray, size: int, images: np.ndarray | None = None) -> Arrays:
        """What `apply` needs.

        Args:
            codes: (depth, n), places in `OPERATIONS`.
            amount: (depth, n), signs included; not read where an operation has none.
            size: pixels a side.
            images: (n,), which image of the batch each starts from; the n images themselves by default.
        """
        place = np.arange(codes.shape[1]) if images is None else images
        drawn = {}
        for step, (code, strength) in enumerate(zip(codes, amount, strict=True)):
            order = code.argsort(kind="stable")
            drawn[f"{step}.from"] = place[order]
            place = order.argsort()
            start = np.searchsorted(code[order], np.arange(len(OPERATIONS) + 1))
            for kernel, names in SERVES.items():
                runs = [(name, order[start[CODES[name]] : start[CODES[name] + 1]]) for name in names]
                rows = [arguments(name, strength[run], size) for name, run in runs if len(run)]
                if rows and kernel != "identity":
                    drawn[f"{step}.{kernel}"] = np.concatenate(rows)
        return drawn | {"to": place}

    def apply(self, x: Tensor, params: Params) -> Tensor:
        """Images x (B, C, H, W), uint8 or float32 in [0, 1], to n new ones of the same dtype, channels-last."""
        if x.is_floating_point():
            return self.apply(to_bytes(x), params).to(x.dtype).mul_(1 / 255)
        for step in range(self._depth):
            x = take(x, params[f"{step}.from"])
            drawn = {name: params[key] for name in self._kernels if (key := f"{step}.{name}") in params}
            sizes = [len(rows) for rows in drawn.values()]
            idle, *groups = x.split([len(x) - sum(sizes), *sizes])
            changed = (
                self._kernels[name](group, rows) for group, (name, rows) in zip(groups, drawn.items(), strict=True)
            )
            x = torch.cat([idle, *changed])
        return take(x, params["to"])


def arguments(operation: str, amount: np.ndarray, size: int) -> np.ndarray:
    """What the operation's kernel takes, a row for each amount (n,): everything that needs float64 happens here."""
    match operation:
        case "shear_x" | "shear_y" | "translate_x" | "translate_y" | "rotate":
            return affine.inverse(operation, amount, size)
        case "brightness" | "color" | "contrast" | "sharpness":
            return np.stack((1 + amount, 1 - (1 + amount)), 1)
        case "posterize":
            return np.asarray(256 - 2 ** (8 - amount.astype(np.int64)))
        case "solarize":
            return np.asarray(np.ceil(amount), np.int64)
        case "invert":
            return np.zeros(len(amount), np.int64)
    return amount


def to_bytes(x: Tensor) -> Tensor:
    """Floats in [0, 1] as bytes, channels-last."""
    pixels = x.permute(0, 2, 3, 1).mul(255).round_().to(torch.uint8)
    return pixels.contiguous().permute(0, 3, 1, 2)
