"""Single test images of a data set, read from its cache without loading the rest, and without torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.data.arrays import cache_path

Pixels = npt.NDArray[np.uint8]
_LOCAL_HEADER = 30
"""Bytes of a local file header of a ZIP archive before its name, whose length is at byte 26, that of its extra part
at byte 28 (APPNOTE 4.3.7)."""


class StoredImages:
    """The test images of a cached data set. Only the pages of the file that are looked at are read."""

    def __init__(self, path: Path, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> None:
        self.path = path
        self.labels = labels
        """(N,) the classes of all test images."""
        self._images = images

    def image(self, index: int) -> Pixels:
        """The image (H, W, 3) with this index in the test set; a gray one has three equal channels."""
        found = np.array(self._images[index])
        return found if found.shape[-1] == 3 else np.repeat(found, 3, axis=-1)


def stored_images(name: str, fingerprint: str = "") -> StoredImages:
    """Open the cache of a data set.

    Args:
        name: of the data set, as in the recipe.
        fingerprint: SHA-256 of the data set that is wanted; "" for whatever is cached.

    Raises:
        ValueError: the data set is not in the cache, or other data are, or the file is damaged. Its text says so.
    """
    path = cache_path(name)
    if not name or not path.is_file():
        raise ValueError(f"{name or 'the data set'} is not in the cache of this machine, where training puts it")
    try:
        with np.load(path, allow_pickle=False) as file:
            cached, labels = str(file["fingerprint"]), file["test_labels"]
        if fingerprint and cached != fingerprint:
            raise ValueError(f"the cache {path} holds other data than the run was tested on")
        return StoredImages(path, _mapped(path, "test_images.npy"), labels)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"the cache {path} cannot be read ({error})") from error


def _mapped(path: Path, member: str) -> npt.NDArray[np.uint8]:
    """An array of an archive that is stored without compression, mapped into memory."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"the cache {path} is compressed")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if fortran or dtype != np.uint8 or len(shape) != 4:
            raise ValueError(f"the cache {path} holds no images")
        return np.memmap(path, np.uint8, "r", offset=file.tell(), shape=shape)
