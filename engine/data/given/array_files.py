"""Images and labels in .npy and .npz files, read a few at a time; nothing in them is ever unpickled. No torch."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.data.given.model_input import NHWC, Pixels

Axes = tuple[int, ...]
MOST_LABELS: Final = 1 << 28
"""Bytes of the largest array of labels that is read."""
_DAMAGE: Final = (
    OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, TypeError, TokenError,
)  # fmt: skip
"""What NumPy and `zipfile` raise for files that are damaged or something else."""


def mapped(path: Path) -> NDArray[Any]:
    """The array of a .npy file, mapped into memory. BadInput if there is none."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            if file.read(2) == b"PK":
                raise ValueError("it is a ZIP archive; call a .npz file by that name")
            file.seek(0)
            header = _header(file)
            if header.bytes > os.fstat(file.fileno()).st_size - file.tell():
                raise ValueError(f"it is cut off: {_shape(header.shape)} needs more bytes than it has")
            if not header.bytes:  # which cannot be mapped
                return np.zeros(header.shape, header.dtype)
            order: Literal["C", "F"] = "F" if header.fortran else "C"
            return np.memmap(file, header.dtype, "r", file.tell(), header.shape, order)
    except _DAMAGE as error:
        raise BadInput(f"{path}: not a readable .npy file: {_why(error)}") from None


@dataclass(frozen=True, slots=True)
class MappedImages:
    """Some of the images of a .npy file, which is mapped only while they are read."""

    path: Path
    axes: Axes
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def batches(self, size: int) -> Iterator[Pixels]:
        array = mapped(self.path)
        for start in range(self.start, self.stop, size):
            yield in_order(np.array(array[start : min(start + size, self.stop)]), self.axes)

    def one(self, index: int) -> Pixels:
        at = self.start + index
        (image,) = in_order(np.array(mapped(self.path)[at : at + 1]), self.axes)
        return np.asarray(image)


def in_order(images: NDArray[Any], axes: Axes) -> Pixels:
    """Images as (N, H, W, C), whichever axes they have."""
    if images.ndim == 3:  # gray images without an axis of channels
        images = images[..., None]
    return images if axes == NHWC else np.ascontiguousarray(images.transpose(axes))


@dataclass(frozen=True, slots=True)
class Header:
    """What an array of an archive says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def bytes(self) -> int:
        """Of all elements."""
        return math.prod(self.shape) * self.dtype.itemsize


class NpzFile:
    """A .npz file. Images are read in a stream, whether they are compressed or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as archive:
            self.names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def header(self, name: str) -> Header:
        """Of one array. BadInput if it is damaged, or its size is not what the header says."""
        with self._member(name) as (file, info):
            found = _header(file)
            begin = file.tell()
        if found.fortran and len(found.shape) > 1:
            raise BadInput(f"{self.path}: `{name}` is in Fortran order; save numpy.ascontiguousarray of it")
        if info.file_size - begin != found.bytes:
            raise BadInput(f"{self.path}: `{name}` is cut off: {info.file_size:,} bytes for {_shape(found.shape)}")
        return found

    def small(self, name: str) -> NDArray[Any]:
        """A whole array that is not images: labels, or names of classes. BadInput if it is damaged or too large."""
        header = self.header(name)
        if header.bytes > MOST_LABELS:
            raise BadInput(f"{self.path}: `{name}` is too large for labels: {_shape(header.shape)}")
        with self._member(name) as (file, _):
            found: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return found

    def batches(self, name: str, axes: Axes, size: int) -> Iterator[Pixels]:
        """The images of an array. BadInput if the archive is damaged."""
        with self._member(name) as (file, _):
            shape = _header(file).shape
            for start in range(0, shape[0], size):
                count = min(size, shape[0] - start)
                images = np.frombuffer(file.read(count * math.prod(shape[1:])), np.uint8)
                yield in_order(images.reshape(count, *shape[1:]).copy(), axes)

    def one(self, name: str, axes: Axes, index: int) -> Pixels:
        """A single image of an array, uint8 (H, W, C). BadInput if the archive is damaged."""
        with self._member(name) as (file, _):
            shape = _header(file).shape
            size = math.prod(shape[1:])
            file.seek(index * size, os.SEEK_CUR)
            images = np.frombuffer(file.read(size), np.uint8).reshape(1, *shape[1:])
        (image,) = in_order(images.copy(), axes)
        return np.asarray(image)

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            with os.fdopen(open_regular(self.path, follow=True), "rb") as file, zipfile.ZipFile(file) as archive:
                yield archive
        except _DAMAGE as error:
            raise BadInput(f"{self.path}: not a readable .npz file: {_why(error)}") from None

    @contextmanager
    def _member(self, name: str) -> Iterator[tuple[IO[bytes], zipfile.ZipInfo]]:
        """An array as a stream of bytes, and its entry in the archive."""
        with self._opened() as archive:
            try:
                info = archive.getinfo(f"{name}.npy")
                with archive.open(info) as file:
                    yield file, info
            except _DAMAGE as error:
                raise BadInput(f"{self.path}: `{name}` cannot be read: {_why(error)}") from None


@dataclass(frozen=True, slots=True)
class ArchivedImages:
    """The images of one array of an archive."""

    archive: NpzFile
    name: str
    axes: Axes
    count: int

    def __len__(self) -> int:
        return self.count

    def batches(self, size: int) -> Iterator[Pixels]:
        yield from self.archive.batches(self.name, self.axes, size)

    def one(self, index: int) -> Pixels:
        return self.archive.one(self.name, self.axes, index)


def _header(file: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"its shape {_shape(shape)} is not one")
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    return Header(shape, dtype, fortran)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _why(error: BaseException) -> str:
    """The first line of what an error says; NumPy's advice to allow pickles is left out."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).partition("\n")[0]
    if "allow_pickle" in text or "Python objects" in text:
        return "it holds Python objects, which are never unpickled"
    return text or type(error).__name__
