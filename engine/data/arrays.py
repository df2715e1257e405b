"""A whole data set as NumPy arrays, cached on disk in one file that is verified each time it is read. No torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs

FORMAT: Final = "1"

Say = Callable[[str, str], None]
"""Called with the name of a phase and a note for the user."""


@dataclass(frozen=True)
class Arrays:
    """Images uint8 (N, height, width, channels) and labels uint8 (N,), in the order of the source, with class names.

    Images have three channels (red, green and blue) or one (gray).
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for images, labels in ((self.train_images, self.train_labels), (self.test_images, self.test_labels)):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
                raise ValueError(f"images must be uint8 (N, H, W, 3 or 1), not {images.dtype} {images.shape}")
            if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
                raise ValueError(f"{len(images)} images need uint8 labels ({len(images)},), not {labels.shape}")
            if len(labels) and labels.max() >= len(self.classes):
                raise ValueError(f"label {labels.max()} is outside 0..{len(self.classes) - 1}")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            both = f"{self.train_images.shape[1:]} and {self.test_images.shape[1:]}"
            raise ValueError(f"training and test images must have the same shape, not {both}")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over shapes, class names and all bytes: the same for the same data set, whatever its source."""
        digest = hashlib.sha256(repr((self.train_images.shape, self.test_images.shape, self.classes)).encode())
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


def cache_path(name: str) -> Path:
    """The cache file of a data set, in the user's cache folder, as the data folder may be read-only or shared."""
    return platformdirs.user_cache_path("cifar-tui") / "data" / f"{name}.npz"


def cached(name: str, signature: str, build: Callable[[], Arrays], say: Say, *, generated: bool = False) -> Arrays:
    """Return the data set from its cache, or build and cache it.

    Args:
        signature: identifies what the data set is built from; a cache with another signature is replaced.
        generated: whether `signature` is the fingerprint of the data set; then a cache of other images is never used.
        say: is told if the cache is damaged or cannot be written; neither stops a run.
    """
    path = cache_path(name)
    key = f"{FORMAT}:{signature}"
    try:
        arrays = _read(path, key)
        if arrays is not None and (not generated or arrays.fingerprint == signature):
            return arrays
    except Exception as error:  # flipping single bits raised six types of exceptions; none may stop a run
        say("preparing data", f"the cache {path} is damaged ({error}); it is rebuilt")
    arrays = build()
    try:
        _write(path, key, arrays)
    except OSError as error:
        say("preparing data", f"cannot write the cache {path} ({error.strerror}); the next run prepares the data again")
    return arrays


def _read(path: Path, key: str) -> Arrays | None:
    """The cached data set; None if there is no cache or its signature differs. Raises if it is damaged."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        if str(file["key"]) != key:
            return None
        arrays = Arrays(
            file["train_images"],
            file["train_labels"],
            file["test_images"],
            file["test_labels"],
            tuple(str(name) for name in file["classes"]),
        )
        if str(file["fingerprint"]) != arrays.fingerprint:
            raise ValueError("wrong checksum")
    return arrays


def _write(path: Path, key: str, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            np.savez(  # not compressed: CIFAR-10 is read from a warm page cache in 0.15 s, including checksums
                file,
                key=np.array(key),
                fingerprint=np.array(arrays.fingerprint),
                classes=np.array(arrays.classes),
                train_images=arrays.train_images,
                train_labels=arrays.train_labels,
                test_images=arrays.test_images,
                test_labels=arrays.test_labels,
            )
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
