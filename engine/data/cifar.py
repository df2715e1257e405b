"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): downloaded if missing, verified, read once and cached.

Unpacked batches and the Python archive are verified by our own SHA-256 and then by torchvision, which reads them. The
binary archive is read by a strict parser of our own, which unpickles nothing. All of them give the same arrays.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.contract.catalog import register
from engine.data.archives import DataError, Location, check, read_members, unpack
from engine.data.arrays import Arrays, Say
from engine.data.sources import IMAGE_BYTES, SOURCES, CifarSource
from engine.data.stored import stored

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10


@register(
    "dataset",
    title="CIFAR-10",
    classes=10,
    image_size=32,
    channels=3,
    train_images=50000,
    test_images=10000,
    downloadable=True,
    year=2009,
)
def cifar10(data_dir: str, say: Say) -> Arrays:
    """60,000 color photographs in 10 classes of animals and vehicles."""
    return _load("cifar10", data_dir, say)


@register(
    "dataset",
    title="CIFAR-100",
    classes=100,
    image_size=32,
    channels=3,
    train_images=50000,
    test_images=10000,
    downloadable=True,
    year=2009,
)
def cifar100(data_dir: str, say: Say) -> Arrays:
    """60,000 color photographs in 100 classes (the fine labels)."""
    return _load("cifar100", data_dir, say)


def _load(name: str, data_dir: str, say: Say) -> Arrays:
    return stored(name, data_dir, say, _read)


def _read(location: Location) -> Arrays:
    """Verify and read a located data set. Raises DataError if a file is damaged."""
    source = SOURCES[location.name]
    assert isinstance(source, CifarSource)
    check(location)
    if location.kind == "binary_archive":
        return read_binary(location.path, source)
    if location.kind == "folder":
        return _read_batches(location.path.parent, source)
    with tempfile.TemporaryDirectory(
        prefix="cifar-tui-"
    ) as room:  # not beside the archive, whose folder may be read-only
        unpack(location.path, source, Path(room))
        return _read_batches(Path(room), source)


def _read_batches(root: Path, source: CifarSource) -> Arrays:
    from torchvision import (
        datasets,
    )  # imported here because it takes half a second, which a cached data set does not need

    reader: type[CIFAR10] = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[source.name]
    try:
        train, test = reader(str(root), train=True), reader(str(root), train=False)
    except RuntimeError as error:
        raise DataError(f"torchvision rejects {root / source.folder}: {error}") from None
    return Arrays(
        np.ascontiguousarray(train.data),
        np.asarray(train.targets, np.uint8),
        np.ascontiguousarray(test.data),
        np.asarray(test.targets, np.uint8),
        tuple(train.classes),
    )


def read_binary(archive: Path, source: CifarSource) -> Arrays:
    """Parse a binary archive, which must have the right number of complete records and labels within range.

    Raises:
        DataError: the archive is not like that.
    """
    layout = source.layout
    files = dict(read_members(archive, {*layout.train, *layout.test, layout.names}))
    lines = files[layout.names].decode("ascii", errors="replace").split()
    if len(lines) != source.classes:
        raise DataError(f"{archive}: {layout.names} names {len(lines)} classes, not {source.classes}")
    train, test = (
        _parse_records(b"".join(files[name] for name in names), images, source, f"{archive}: {', '.join(names)}")
        for names, images in ((layout.train, source.train_images), (layout.test, source.test_images))
    )
    return Arrays(*train, *test, tuple(lines))


def _parse_records(raw: bytes, images: int, source: CifarSource, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (N, 32, 32, 3) and labels uint8 (N,)."""
    label_bytes = source.layout.label_bytes
    record = label_bytes + IMAGE_BYTES
    if len(raw) != images * record:
        raise DataError(f"{where}: {len(raw)} bytes, not {images} records of {record} bytes")
    records = np.frombuffer(raw, np.uint8).reshape(images, record)
    labels = records[:, label_bytes - 1].copy()
    if labels.max() >= source.classes:
        at = int(labels.argmax())
        raise DataError(f"{where}: image {at} has the label {labels[at]}, outside 0..{source.classes - 1}")
    planes = records[:, label_bytes:].reshape(images, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels
