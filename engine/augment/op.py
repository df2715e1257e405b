"""What an augmentation op is, and the few tensor moves that all of them share.

An op is a class with two halves. `draw` makes every random choice on the host with NumPy, one per image, and returns
plain arrays; `apply` changes a whole batch on its device and gets these arrays back as tensors, so it is free of
randomness, of host syncs and of Python numbers that differ from step to step. To add an op, put one class with a mark
into a file of this folder (or your own): the forms, `--add-op`, the tests and the pipeline find it by themselves.

    @register("op", title="Invert", stage="image")
    class Invert:
        \"\"\"Negatives, for some images.\"\"\"

        def __init__(self, *, probability: Annotated[float, Spec("chance per image", ge=0, le=1)] = 0.1) -> None:
            self.probability = probability

        def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
            return {"inverted": rng.random(n) < self.probability}

        def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
            return torch.where(params["inverted"].bool().view(-1, 1, 1, 1), 1 - x, x), y

The mark says where it runs. `stage="image"` ops see float32 images in [0, 1] before normalisation; with `geometry=True`
they move pixels or, as the automatic policies, are defined on bytes: they take any dtype, run on uint8 as long as no op
before them needs floats, and are not compiled. `stage="batch"` ops mix images and labels and see normalised images.
Memory: image ops get whole colour planes, batch ops channels-last; float images are the op's to overwrite (on CPU the
page faults of a fresh 6 MB tensor cost more than most ops), while uint8 images, targets and parameters are not.

An op whose constructor has a positional parameter `mean` gets the mean of each channel that images are normalised with,
as a tuple of numbers in 0..1. An op with `by_image=True` in its mark is told which images it draws for: see `Seen`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

Arrays = dict[str, np.ndarray]
"""What was drawn, by name. Floats reach the device as float32, everything else as int64."""

Params = Mapping[str, Tensor]
"""The same on the device."""

Per = Literal["image", "batch"]
"""One draw for each image, or one for the whole batch (as several papers' code did, to save time)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What `draw` gets as its last argument where the mark says `by_image=True`: whose turn it is, and when.

    Such an op cannot be a member of a combinator, which picks other images every time; the recipe refuses it.
    """

    images: np.ndarray
    """int64 (n,): their places in the training set."""
    epoch: int
    """From 0."""
    rng: np.random.Generator
    """Starts at the same point in every step of a run: what it gives first is the same again in every epoch."""


class Op(Protocol):
    """One augmentation, both halves."""

    def draw(self, rng: np.random.Generator, n: int, size: int) -> Arrays:
        """Every random choice for `n` square images of `size` pixels a side."""
        ...

    def apply(self, x: Tensor, y: Tensor, params: Params) -> tuple[Tensor, Tensor]:
        """Change images x (B, C, H, W) and targets y (B, classes) as drawn."""
        ...


def take(x: Tensor, index: Tensor) -> Tensor:
    """`x[index]` along the first dimension, keeping the memory layout.

    `index_select` on contiguous memory copies whole images (0.1 us each); on a channels-last tensor, or spelt
    `x[index]`, it goes element by element (1 to 5 us).
    """
    if x.dim() == 4:
        pixels = x.permute(0, 2, 3, 1)
        if pixels.is_contiguous():
            return pixels.index_select(0, index).permute(0, 3, 1, 2)
    return x.index_select(0, index)


def gather_groups(groups: Sequence[Tensor], source: Tensor) -> Tensor:
    """Groups of images (or targets) joined, then image i taken from place `source[i]`.

    Writing groups back by `index_copy_` or a masked assignment was 5 to 10 times slower on CPU.
    """
    return take(torch.cat(tuple(groups)), source)


def sources(n: int, index: np.ndarray) -> np.ndarray:
    """Where image i lies after the changed copies of `index` were appended to n images."""
    source = np.arange(n)
    source[index] = n + np.arange(len(index))
    return source
