"""Pack runs into one file: `file.tar.zst`, whose format is described in `engine.exchange.pack.manifest`.

Every file is read twice: once for the manifest, which stands first in the archive, and once to write it. Nothing in the
archive depends on the machine or the time, so packing the same runs again gives the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.contract.run.provenance import versions
from engine.exchange.pack.contents import Blocks, Item, is_imported, items_of
from engine.exchange.pack.manifest import NAME, Entry, Manifest, problem_with

LEVEL: Final = 9
"""Of zstandard's compression: a third smaller than the default for events, and still faster than most disks."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Runs that are ready to be packed: what the archive will hold, and where each of its files is read from."""

    manifest: Manifest
    items: tuple[Item, ...]
    """In the order of the manifest."""


def prepare(runs: Sequence[RunFolder], *, weights: bool = False, anonymous: bool = False) -> Packing:
    """Read the runs and list what would be packed.

    Raises:
        BadInput: a run is live, damaged or given twice, or has a file that cannot be packed.
    """
    items: list[Item] = []
    entries: list[Entry] = []
    seen = set[str]()
    for run in runs:
        if run.id in seen:
            raise BadInput(f"run {run.id} is given twice")
        seen.add(run.id)
        if (state := run.status()).live:
            raise BadInput(f"run {run.id} is {state.state}: only runs that have ended can be packed")
        run.info()
        if not is_imported(run):
            run.recipe_table()
        for item in items_of(run, weights=weights, anonymous=anonymous):
            entry = _entry(run, item)
            if problem := problem_with(entry.path):
                raise BadInput(f"run {run.id}: {problem} that can be packed")
            entries.append(entry)
            items.append(item)
    return Packing(Manifest(tuple(entries), anonymous, weights, versions()["cifar-tui"]), tuple(items))


def _entry(run: RunFolder, item: Item) -> Entry:
    digest, size = hashlib.sha256(), 0
    for block in item.read():
        digest.update(block)
        size += len(block)
    return Entry(f"{run.id}/{item.file}", size, digest.hexdigest())


def write(packing: Packing, target: Path) -> int:
    """Write the archive and return its size in bytes. It appears whole or not at all.

    Raises:
        BadInput: the target exists or cannot be written, or a file changed while it was being packed.
    """
    if target.exists():
        raise BadInput(f"{target} exists already")
    try:
        fd, temporary = tempfile.mkstemp(prefix=".pack-", dir=target.parent)
    except OSError as error:
        raise BadInput(f"cannot write {target}: {error.strerror}") from None
    try:
        with os.fdopen(fd, "wb") as file:
            _write(packing, file)
            file.flush()
            os.fsync(fd)
            size = file.tell()
        Path(temporary).rename(target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        if isinstance(error, OSError):
            raise BadInput(f"cannot write {target}: {error.strerror or error}") from error
        raise
    return size


def _write(packing: Packing, file: io.BufferedWriter) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    with (
        compressor.stream_writer(file, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        data = packing.manifest.encode()
        tar.addfile(_member(NAME, len(data)), io.BytesIO(data))
        for entry, item in zip(packing.manifest.entries, packing.items, strict=True):
            source = _Source(item.read())
            with _changed(entry):
                tar.addfile(_member(entry.path, entry.bytes), source)
                if source.finish() != (entry.bytes, entry.sha256):
                    raise EOFError


@contextlib.contextmanager
def _changed(entry: Entry) -> Iterator[None]:
    """Report a file that is not what it was when the manifest was made."""
    try:
        yield
    except (EOFError, tarfile.ReadError):
        raise BadInput(f"{entry.path} changed while it was being packed") from None


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A plain member that tells nothing about user, host and time."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


class _Source(io.RawIOBase):
    """Blocks as a file to read, which counts and hashes what was read."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self._rest = blocks, b""
        self._digest, self._size = hashlib.sha256(), 0

    def read(self, size: int = -1, /) -> bytes:
        """Exactly so many bytes. EOFError where there are fewer."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size:
            block = next(self._blocks, None)
            if block is None:
                raise EOFError
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        data, self._rest = data[:size], data[size:]
        self._digest.update(data)
        self._size += len(data)
        return data

    def finish(self) -> tuple[int, str]:
        """The number of bytes and the SHA-256 of everything, with what was not read."""
        for block in (self._rest, *self._blocks):
            self._digest.update(block)
            self._size += len(block)
        return self._size, self._digest.hexdigest()
