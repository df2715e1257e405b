"""A folder of images, one folder within it for each class. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.data.given.model_input import Labels, ModelInput, Pixels

SUFFIXES: Final = (".png", ".jpg", ".jpeg")
FORMATS: Final = ("PNG", "JPEG")
MODES: Final = {3: ("RGB", "L", "P"), 1: ("L",)}
"""By channels of the model: what an image may be, as Pillow names it. Gray and palette images become RGB."""


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Images of one size in files."""

    paths: tuple[Path, ...]
    wants: ModelInput

    def __len__(self) -> int:
        return len(self.paths)

    def batches(self, size: int) -> Iterator[Pixels]:
        for start in range(0, len(self.paths), size):
            yield np.stack([decoded(path, self.wants) for path in self.paths[start : start + size]])

    def one(self, index: int) -> Pixels:
        return decoded(self.paths[index], self.wants)


def images_in(folder: Path, wants: ModelInput) -> tuple[ImageFiles, Labels]:
    """The images in the folders of a folder, by class and then by name, with their labels.

    Raises:
        BadInput: a folder is not that of a class, or something else than an image of the right size is among them.
    """
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BadInput(f"--data {folder}: {(error.strerror or str(error)).lower()}") from None
    if not inside or not any(path.is_dir() for path in inside):
        raise BadInput(
            f"--data {folder}: needs a folder with images for each class, or labels.npy with the .npy files of "
            "CIFAR-10-C, or the files of CIFAR-10.1"
        )
    if loose := [path.name for path in inside if not path.is_dir()]:
        raise BadInput(f"--data {folder}: {loose[0]!r} is not a folder of a class")
    order = wants.by_name([path.name for path in inside], str(folder))
    paths: list[Path] = []
    labels: list[int] = []
    for label, part in sorted(zip(order.tolist(), inside, strict=True)):
        found = sorted(path for path in part.iterdir() if not path.name.startswith("."))
        paths += found
        labels += [label] * len(found)
    if not paths:
        raise BadInput(f"--data {folder}: holds no images")
    for path in paths:
        _check(path, wants)
    return ImageFiles(tuple(paths), wants), np.array(labels, np.int64)


def decoded(path: Path, wants: ModelInput) -> Pixels:
    """One image, uint8 (H, W, C). BadInput if it cannot be decoded."""
    from PIL import Image

    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file, Image.open(file, formats=FORMATS) as image:
            pixels = np.asarray(image.convert("RGB" if wants.channels == 3 else "L"))
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInput(f"{path}: cannot be decoded: {error}") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _check(path: Path, wants: ModelInput) -> None:
    """BadInput if a file is not an image that the model takes, judged by its header."""
    from PIL import Image

    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: not a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file")
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file, Image.open(file, formats=FORMATS) as image:
            size, mode, transparent = image.size, image.mode, "transparency" in image.info
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path}: not a readable image: {error}") from None
    if size != (wants.size, wants.size):
        raise BadInput(f"{path}: {size[0]} x {size[1]} pixels, but the model takes {wants.size} x {wants.size}")
    if mode not in MODES[wants.channels] or transparent:
        needs = "RGB or gray" if wants.channels == 3 else "gray"
        raise BadInput(f"{path}: an image of mode {mode}{' with transparency' * transparent}, needs {needs}, 8 bits")
