"""The interface of an augmentation op, and the few tensor operations that ops share.

An op is a class with two methods. `draw` makes every random choice on the host with NumPy, one per image, and returns
plain arrays. `apply` receives these arrays as tensors and changes a whole batch on its device, so it contains no
randomness, no host synchronization and no Python numbers that vary between steps. To add an op, put one registered
class into a file of this folder (or of your own): the forms, `--add-op`, the tests and the pipeline find it.

    @register("op", title="Invert", stage="image")
    class Invert:
        \"\"\"Invert some of the images.\"\"\"

        def __init__(self, *, probability: Annotated[float, Spec("probability per image", ge=0, le=1)] = 0.1) -> None:
            self.probability = probability

        def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
            return {"inverted": rng.random(n) < self.probability}

        def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
            return torch.where(params["inverted"].bool().view(-1, 1, 1, 1), 1 - x, x), y

The arguments of `@register` say where the op runs. Ops with `stage="image"` see float32 images in [0, 1] before
normalization. With `geometry=True` they move pixels or, like the automatic policies, are defined on bytes: they accept
any dtype, run on uint8 unless an earlier op needs floats, and are not compiled. Ops with `stage="batch"` mix images and
labels and see normalized images.

Memory: image ops get contiguous color planes, batch ops get channels-last images. An op may overwrite float images (on
CPU the page faults of a new 6 MB tensor cost more than most ops), but never uint8 images, targets or parameters.

An op whose constructor has a positional parameter `mean` receives the mean of each channel that images are normalized
with, as a tuple of numbers in 0..1. The `draw` of an op with `by_image=True` also receives a `Seen`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

Arrays = dict[str, np.ndarray]
"""The arrays that an op has drawn, by name. Floats reach the device as float32, everything else as int64."""

Params = Mapping[str, Tensor]
"""The same values as tensors on the device."""

Per = Literal["image", "batch"]
"""One draw per image, or one for the whole batch, as in the published code of several papers."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Which images a draw is for, and when: the last argument of `draw` for ops with `by_image=True`.

    Such an op cannot be a member of a combinator, which picks other images every time; such a recipe is invalid.
    """

    images: np.ndarray
    """Their indices in the training set, int64 (n,)."""
    epoch: int
    """Counted from 0. If hard examples leave images out, each pass over the others counts."""
    rng: np.random.Generator
    """Restarted at the same point in every step of a run, so that its first values are the same in every epoch."""


class Op(Protocol):
    """One augmentation."""

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        """Make every random choice for `n` square images with sides of `size` pixels."""
        ...

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        """Apply what was drawn to images x (B, C, H, W) and targets y (B, classes)."""
        ...


def take(x: Tensor, index: Tensor) -> Tensor:
    """`x[index]` along the first dimension, keeping the memory layout.

    `index_select` on contiguous memory copies whole images (0.1 us each). On a channels-last tensor, or written as
    `x[index]`, it copies element by element (1 to 5 us).
    """
    if x.dim() == 4:
        pixels = x.permute(0, 2, 3, 1)
        if pixels.is_contiguous():
            return pixels.index_select(0, index).permute(0, 3, 1, 2)
    return x.index_select(0, index)


def gather_groups(groups: Sequence[Tensor], source: Tensor) -> Tensor:
    """Concatenate groups of images (or targets), then take image i from index `source[i]`.

    Writing the groups back with `index_copy_` or a masked assignment was 5 to 10 times slower on CPU.
    """
    return take(torch.cat(tuple(groups)), source)


def sources(n: int, index: np.ndarray) -> np.ndarray:
    """The index of image i, int64 (n,), after changed copies of the images `index` were appended to all n images."""
    source = np.arange(n)
    source[index] = n + np.arange(len(index))
    return source
