"""Files of weights, as far as they can be judged without torch: what kind a file is, and what it claims to hold.

A .safetensors file begins with the size of its JSON header (8 bytes, little-endian), which the format limits to 100 MB.
A file of `torch.save` is a ZIP archive or, before PyTorch 1.6, a pickle; `torch.load(weights_only=True)` reads both
without executing anything. Files are told apart by their content, not by their names.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import zipfile
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, Literal

from engine.contract.errors import BadInput
from engine.contract.files import read_json
from engine.contract.lines import open_regular
from engine.contract.text import file_size

Kind = Literal["safetensors", "torch"]

HEADER_LIMIT: Final = 100_000_000
"""Bytes of the header of a .safetensors file, by the format's definition."""
SUFFIXES: Final = (".safetensors", ".pth", ".pt", ".ckpt", ".tar", ".bin")
"""Names that end so are files; other names without a slash may be those of runs."""
_ZIP: Final = b"PK\x03\x04"
_PICKLE: Final = b"\x80"
_CHUNK: Final = 1 << 20
_EXPANDS: Final = 4
"""How many times the size of a ZIP archive its members may have; torch.save does not compress."""


def weights_in(path: Path) -> Path:
    """The file of weights that a path stands for: the file itself, or the one in a folder that an export has made.

    Raises:
        BadInput: there is no such file, or the folder has none.
    """
    if not path.is_dir():
        return path
    config = read_json(path / "config.json")
    if config is None or not isinstance(name := config.get("file"), str) or Path(name).name != name:
        raise BadInput(f"{path}: a folder without a config.json of `runs export --weights`; name the file of weights")
    if config.get("format") == "onnx":
        raise BadInput(f"{path / name}: an ONNX file has no state dict; export the run with --format safetensors")
    return path / name


def inspect(path: Path) -> Kind:
    """The kind of a file of weights, after a look at its size and header that needs hardly any memory.

    Raises:
        BadInput: it cannot be read, is of no known kind, or claims to hold more than a file of its size can.
    """
    try:
        with opened(path) as file:
            return _kind(path, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise _unreadable(path, error) from None


def opened(path: Path) -> BufferedReader:
    """A regular file for reading, by a path that the user named. Raises OSError."""
    return os.fdopen(open_regular(path, follow=True), "rb")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; computed once as long as the file does not change. Raises BadInput if it cannot be read."""
    try:
        state = path.stat()
        return _sha256(path, state.st_ino, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise _unreadable(path, error) from None


@lru_cache(maxsize=64)
def _sha256(path: Path, *_identity: int) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unreadable(path: Path, error: OSError) -> BadInput:
    if error.errno == errno.ENOENT:
        return BadInput(f"{path}: no such file")
    return BadInput(f"{path} cannot be read: {error.strerror}")


def _kind(path: Path, file: BufferedReader, size: int) -> Kind:
    start = file.read(9)
    if start.startswith(_ZIP):
        _check_archive(path, file, size)
        return "torch"
    length = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" or path.suffix == ".safetensors":
        _check_header(path, file, length, size)
        return "safetensors"
    if start.startswith(_PICKLE):
        return "torch"
    raise BadInput(f"{path} is neither a .safetensors file nor one that torch.save has written")


def _check_header(path: Path, file: BufferedReader, length: int, size: int) -> None:
    """Raise BadInput if the header of a .safetensors file is too large, cut off, or not a JSON object."""
    if length > HEADER_LIMIT:
        raise BadInput(f"{path}: its header claims {file_size(length)}; a .safetensors file has at most 100 MB")
    if length + 8 > size:
        raise BadInput(f"{path} is damaged or cut off: its header claims {length:,} bytes of a file of {size:,}")
    file.seek(8)
    try:
        header: Any = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise BadInput(f"{path} is not a .safetensors file: its header is not JSON") from None
    if not isinstance(header, dict):
        raise BadInput(f"{path} is not a .safetensors file: its header is not a table")


def _check_archive(path: Path, file: BufferedReader, size: int) -> None:
    """Raise BadInput if a ZIP archive is damaged or would expand to far more than its size."""
    try:
        with zipfile.ZipFile(file) as archive:
            whole = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise BadInput(f"{path} is damaged or cut off: its ZIP archive cannot be read") from None
    if whole > _EXPANDS * size:
        raise BadInput(
            f"{path} would expand from {file_size(size)} to {file_size(whole)}; torch.save does not compress"
        )
