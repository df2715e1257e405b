"""A different sequence of basic operations for each image: what all automatic policies are built on.

In each pass, every image goes through one operation. Images are sorted by the operation that they drew, so each kernel
runs once, on a contiguous group whose size is known on the host, and one gather reorders the images between passes.
Nothing loops over images, nothing is masked, and nothing waits for the device.
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
"""Maps images (B, C, H, W) uint8 and their drawn amounts, one row per image, to new images."""

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
KERNEL_OPERATIONS: Final = {  # the operations of each kernel, in the order in which images are sorted
    "identity": ("identity",),
    "move": ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"),
    **{name: (name,) for name in TONES},
    "solarize": ("solarize", "invert"),
}
OPERATIONS: Final = tuple(name for names in KERNEL_OPERATIONS.values() for name in names)
CODES: Final = {name: code for code, name in enumerate(OPERATIONS)}
SIGNED: Final = frozenset((*KERNEL_OPERATIONS["move"], "brightness", "color", "contrast", "sharpness"))
"""Operations whose amounts are negated with probability 1/2."""

SHIFT: Final = 150 / 331
"""The largest shift of AutoAugment and RandAugment, as a fraction of the image's side."""


def amounts(
    bins: int, *, shear: float, shift: float, turn: float, blend: float, bits: tuple[int, int]
) -> dict[str, np.ndarray]:
    """The amount of each operation at each of `bins` levels, from zero to the given maximum.

    Args:
        shear: in pixels per pixel.
        shift: in pixels.
        turn: in degrees.
        blend: the largest distance of a blending weight from 1.
        bits: the bits that posterize keeps at the lowest and at the highest level.
    """
    level = np.linspace(0, 1, bins)
    highest = {"shear_x": shear, "shear_y": shear, "translate_x": shift, "translate_y": shift, "rotate": turn}
    highest |= dict.fromkeys(("brightness", "color", "contrast", "sharpness"), blend)
    table = {name: level * highest.get(name, 0.0) for name in OPERATIONS}
    table["posterize"] = bits[0] - np.round(level * (bits[0] - bits[1]))
    table["solarize"] = 255 * (1 - level)
    return table


def strengths(table: dict[str, np.ndarray], codes: np.ndarray, level: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """The amount of each operation at its level, negated where `sign` is true and the operation is in `SIGNED`."""
    strength: np.ndarray = np.stack([table[name] for name in OPERATIONS])[codes, level]
    both_ways = np.array([name in SIGNED for name in OPERATIONS])
    strength[sign & both_ways[codes]] *= -1
    return strength


class Passes:
    """Applies `depth` operations to each image, one after another.

    Float images are converted to bytes and back: equalize and posterize are defined on bytes, and all policies were
    tuned on bytes.
    """

    def __init__(self, depth: int, *, fill: int, interpolation: affine.Interpolation) -> None:
        """Args: fill: the gray level outside the image, 0 to 255."""
        move = affine.KERNELS[interpolation]
        self._depth = depth
        self._kernels: dict[str, Kernel] = {"move": lambda x, inverse: move(x, inverse, fill), **TONES}

    def plan(self, codes: np.ndarray, amount: np.ndarray, size: int, images: np.ndarray | None = None) -> Arrays:
        """The arrays that `apply` needs.

        Args:
            codes: indices into `OPERATIONS`, (depth, n).
            amount: signed amounts, (depth, n); ignored for operations without one.
            size: the side of an image in pixels.
            images: the index in the batch of each starting image, (n,); by default the n images themselves.
        """
        place = np.arange(codes.shape[1]) if images is None else images
        drawn = {}
        for step, (code, strength) in enumerate(zip(codes, amount, strict=True)):
            order = code.argsort(kind="stable")
            drawn[f"{step}.from"] = place[order]
            place = order.argsort()
            start = np.searchsorted(code[order], np.arange(len(OPERATIONS) + 1))
            for kernel, names in KERNEL_OPERATIONS.items():
                runs = [(name, order[start[CODES[name]] : start[CODES[name] + 1]]) for name in names]
                rows = [arguments(name, strength[run], size) for name, run in runs if len(run)]
                if rows and kernel != "identity":
                    drawn[f"{step}.{kernel}"] = np.concatenate(rows)
        return drawn | {"to": place}

    def apply(self, x: Tensor, params: Params) -> Tensor:
        """Map images x (B, C, H, W), uint8 or float32 in [0, 1], to n new ones of the same dtype, channels-last."""
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
    """The arguments of an operation's kernel, one row per amount (n,); whatever needs float64 is computed here."""
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
    """Convert floats in [0, 1] to bytes, channels-last."""
    pixels = x.permute(0, 2, 3, 1).mul(255).round_().to(torch.uint8)
    return pixels.contiguous().permute(0, 3, 1, 2)
