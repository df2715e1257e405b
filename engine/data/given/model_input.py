"""What a further test set has to be like for a model, and the checks that every layout of files shares. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import BadInput, nearest_or_all

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

NHWC: Final = (0, 1, 2, 3)
NCHW: Final = (0, 2, 3, 1)


class Images(Protocol):
    """Images in files, read in their order and a few at a time."""

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[Pixels]:
        """All of them as uint8 (B, H, W, C) with B <= size."""
        ...

    def one(self, index: int) -> Pixels:
        """A single one, uint8 (H, W, C)."""
        ...


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The images and classes that a model was trained on."""

    data: str
    """The name of the data set."""
    classes: tuple[str, ...]
    channels: int
    size: int
    """Height and width in pixels."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: (H, W, C)."""
        return self.size, self.size, self.channels

    def axes(self, shape: Sequence[int], dtype: np.dtype[Any], where: str) -> tuple[int, ...]:
        """The order in which the axes of an array of images have to be taken, so that they are (N, H, W, C).

        Gray images may lack the axis of channels, which is then appended.

        Raises:
            BadInput: the array is not uint8, or its images are not those that the model takes.
        """
        height, width, channels = self.shape
        wanted = f"uint8 (N, {height}, {width}, {channels})"
        if dtype != np.uint8:
            raise BadInput(f"{where}: images are {dtype}, needs {wanted} with pixels from 0 to 255")
        if not len(shape) or not shape[0]:
            raise BadInput(f"{where}: holds no images")
        rest = tuple(shape[1:])
        if rest == self.shape or (channels == 1 and rest == (height, width)):
            return NHWC
        if rest == (channels, height, width):
            return NCHW
        got = ", ".join(map(str, ("N", *rest)))
        raise BadInput(f"{where}: images are ({got}), but the model takes {height} x {width} pixels: needs {wanted}")

    def labels(self, found: NDArray[Any], images: int, where: str, names: Sequence[str] = ()) -> Labels:
        """Labels as the classes of the model, (N,).

        Args:
            found: numbers, or names of classes.
            names: the classes that the numbers stand for, if they are not those of the model in its order.

        Raises:
            BadInput: there are too few or too many, one is out of range, or a class is unknown.
        """
        if found.ndim != 1 or found.dtype.kind not in "iuU":
            shape = f"{found.dtype} ({', '.join(map(str, found.shape))})"
            raise BadInput(f"{where}: labels are {shape}, needs one integer an image, ({images},)")
        if len(found) != images:
            raise BadInput(f"{where}: {len(found):,} labels for {images:,} images")
        if found.dtype.kind == "U":
            texts, places = np.unique(found, return_inverse=True)
            return self.by_name([str(text) for text in texts], where)[places]
        count = len(names) or len(self.classes)
        outside = np.flatnonzero((found < 0) | (found >= count))
        if len(outside):
            at = int(outside[0])
            raise BadInput(f"{where}: image {at:,} has the label {found[at]}, outside 0..{count - 1}")
        numbers = found.astype(np.int64)
        return self.by_name(names, where)[numbers] if len(names) else numbers

    def by_name(self, names: Sequence[str], where: str) -> Labels:
        """The number that the model gives each of these classes. BadInput for those that it does not have."""
        known = {_plain(name): number for number, name in enumerate(self.classes)}
        unknown = [name for name in names if _plain(name) not in known]
        if unknown:
            raise BadInput(
                f"{where}: class {name!r} is not one of {self.data}{nearest_or_all(name, self.classes)}"
                for name in unknown[:MOST_NAMED]
            )
        numbers = [known[_plain(name)] for name in names]
        if len(set(numbers)) < len(numbers):
            twice = next(name for name in names if numbers.count(known[_plain(name)]) > 1)
            raise BadInput(f"{where}: class {twice!r} occurs twice")
        return np.array(numbers, np.int64)

    def refuse_missing_classes(self, labels: Labels, where: str) -> None:
        """BadInput if a class has no image: then the labels are those of another data set."""
        missing = np.setdiff1d(np.arange(len(self.classes)), labels)
        if len(missing):
            first = f"class {int(missing[0])} ({self.classes[missing[0]]})"
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise BadInput(f"{where}: no image of {first}{more}: these labels are not those of {self.data}")


MOST_NAMED: Final = 5
"""Unknown classes that an error lists."""


def _plain(name: str) -> str:
    """A name of a class without what people write in different ways."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
