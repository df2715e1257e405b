"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): 28x28 pixels, one gray channel.

Four gzipped files each, held to our SHA-256 and to torchvision's MD5, then read by torchvision. The digits are under
CC BY-SA 3.0, the fashion under the MIT license.
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
    """70,000 handwritten digits in gray."""
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
    """70,000 pieces of clothing in gray: as small as MNIST and not as easy."""
    return stored("fashion_mnist", data_dir, say, _read)


def _read(location: Location) -> Arrays:
    """Read a located data set, every byte checked first. Raises DataError where a file is damaged."""
    from torchvision import datasets  # half a second that a cached data set never pays

    source = SOURCES[location.name]
    assert isinstance(source, IdxSource)
    check(location)
    reader: type[MNIST] = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}[source.name]
    with tempfile.TemporaryDirectory(prefix="cifar-tui-") as room:  # the data folder may be read-only
        _unpack(location.path, reader, Path(room) / source.folder)
        try:
            train, test = reader(room, train=True), reader(room, train=False)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise DataError(f"torchvision refuses {location.path}: {error}") from None
    for split, images in ((train, source.train_images), (test, source.test_images)):
        if tuple(split.data.shape) != (images, 28, 28):
            raise DataError(f"{location.path} holds {tuple(split.data.shape)}, not {images} images of 28 x 28")
    names = [name.partition(" - ")[0] for name in train.classes]  # "4 - four" is a 4
    return Arrays(
        train.data.numpy()[..., None],
        train.targets.numpy().astype(np.uint8),
        test.data.numpy()[..., None],
        test.targets.numpy().astype(np.uint8),
        tuple(names),
    )


def _unpack(packed: Path, reader: type[MNIST], target: Path) -> None:
    """Write the four files without their gzip, each held to torchvision's MD5 before."""
    from torchvision.datasets.utils import check_integrity

    target.mkdir(parents=True)
    for name, md5 in reader.resources:
        if not check_integrity(packed / name, md5):
            raise DataError(f"torchvision refuses {packed / name}: its MD5 is not {md5}")
        try:
            with gzip.open(packed / name) as source, (target / name.removesuffix(".gz")).open("wb") as file:
                shutil.copyfileobj(source, file)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot unpack {packed / name}: {error}") from None
