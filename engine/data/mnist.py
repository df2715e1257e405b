"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): 28x28 pixels, one gray channel.

Each consists of four gzipped files, which are verified by our SHA-256 and by torchvision's MD5, then read by
torchvision. MNIST is licensed under CC BY-SA 3.0, Fashion-MNIST under the MIT license.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.contract.catalog import register
from engine.data.archives import DataError, Location, check
from engine.data.arrays import Arrays, Say
from engine.data.sources import SOURCES, IdxSource
from engine.data.stored import stored

if TYPE_CHECKING:
    from torchvision.datasets import MNIST


@register(
    "dataset",
    title="MNIST",
    classes=10,
    image_size=28,
    channels=1,
    train_images=60000,
    test_images=10000,
    downloadable=True,
    year=1998,
)
def mnist(data_dir: str, say: Say) -> Arrays:
    """70,000 grayscale images of handwritten digits."""
    return stored("mnist", data_dir, say, _read)


@register(
    "dataset",
    title="Fashion-MNIST",
    classes=10,
    image_size=28,
    channels=1,
    train_images=60000,
    test_images=10000,
    downloadable=True,
    year=2017,
)
def fashion_mnist(data_dir: str, say: Say) -> Arrays:
    """70,000 grayscale images of clothing, in the format of MNIST but harder."""
    return stored("fashion_mnist", data_dir, say, _read)


def _read(location: Location) -> Arrays:
    """Verify and read a located data set. Raises DataError if a file is damaged."""
    from torchvision import (
        datasets,
    )  # imported here because it takes half a second, which a cached data set does not need

    source = SOURCES[location.name]
    assert isinstance(source, IdxSource)
    check(location)
    reader: type[MNIST] = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}[source.name]
    with tempfile.TemporaryDirectory(prefix="cifar-tui-") as room:  # not in the data folder, which may be read-only
        _unpack(location.path, reader, Path(room) / source.folder)
        try:
            train, test = reader(room, train=True), reader(room, train=False)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise DataError(f"torchvision rejects {location.path}: {error}") from None
    for split, images in ((train, source.train_images), (test, source.test_images)):
        if tuple(split.data.shape) != (images, 28, 28):
            raise DataError(
                f"{location.path} contains an array of {tuple(split.data.shape)}, not {images} images of 28 x 28"
            )
    names = [name.partition(" - ")[0] for name in train.classes]  # "4 - four" becomes "4"
    return Arrays(
        train.data.numpy()[..., None],
        train.targets.numpy().astype(np.uint8),
        test.data.numpy()[..., None],
        test.targets.numpy().astype(np.uint8),
        tuple(names),
    )


def _unpack(packed: Path, reader: type[MNIST], target: Path) -> None:
    """Unpack the four gzipped files into `target`, each verified by torchvision's MD5 first."""
    from torchvision.datasets.utils import check_integrity

    target.mkdir(parents=True)
    for name, md5 in reader.resources:
        if not check_integrity(packed / name, md5):
            raise DataError(f"torchvision rejects {packed / name}: its MD5 is not {md5}")
        try:
            with gzip.open(packed / name) as source, (target / name.removesuffix(".gz")).open("wb") as file:
                shutil.copyfileobj(source, file)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot unpack {packed / name}: {error}") from None
