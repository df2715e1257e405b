"""Read a packed run without trusting it: every member is plain, listed in the manifest, of its size and its SHA-256.

The archive is read as a stream, one block of a megabyte at a time. Headers are parsed one by one, so that none of tar's
extensions (long names, links, sparse files) is ever interpreted.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import zstandard

from engine.contract.errors import BadInput
from engine.contract.files import MAX_FILE
from engine.contract.lines import open_regular
from engine.contract.text import clean, file_size
from engine.exchange.pack.contents import BLOCK, Blocks
from engine.exchange.pack.manifest import NAME, Entry, Manifest, problem_with, read_manifest

MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""How a zstandard stream begins."""
WINDOW: Final = 1 << 27
"""Bytes of history that the decompressor may keep in memory."""
ALWAYS: Final = 256 << 20
RATIO: Final = 300
"""An archive that unpacks to more than `ALWAYS` bytes and more than `RATIO` times its size is refused. Events compress
by a factor of about 20."""
_KINDS: Final = {
    tarfile.LNKTYPE: "a hard link", tarfile.SYMTYPE: "a symbolic link", tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device", tarfile.DIRTYPE: "a folder", tarfile.FIFOTYPE: "a FIFO",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}  # fmt: skip

Take = Callable[[Entry, Blocks], None]
"""Takes a member; it may leave blocks unread."""


def read_archive(path: Path, take: Take) -> Manifest:
    """Read an archive from its beginning to its end, and give every file of a run to `take`.

    Raises:
        BadInput: it is not an archive of ours, is damaged or truncated, or holds anything that its manifest does not
            list. `take` may have been called for the members before.
        OSError: raised by `take`.
    """
    try:
        source = os.fdopen(open_regular(path, follow=True), "rb")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    with source:
        if source.read(len(MAGIC)) != MAGIC:
            raise BadInput(f"{path}: not a packed run (a .tar.zst of `cifar-tui runs pack`)")
        source.seek(0)
        try:
            return _read(source, os.fstat(source.fileno()).st_size, take)
        except BadInput as error:
            raise BadInput([f"{path}: {problem}" for problem in error.problems]) from None
        except zstandard.ZstdError as error:
            raise BadInput(f"{path}: damaged: {error}") from None


def _read(source: BinaryIO, size: int, take: Take) -> Manifest:
    stream = _Stream(source)
    first = _header(stream, NAME)
    if first is None or first.name != NAME or not first.isreg() or first.size > MAX_FILE:
        raise BadInput(f"it does not begin with a {NAME}, as an archive of `cifar-tui runs pack` does")
    manifest = read_manifest(b"".join(stream.member(first.size)))
    if manifest.size > max(ALWAYS, RATIO * size):
        unpacked = file_size(manifest.size)
        raise BadInput(f"its {file_size(size)} would unpack to {unpacked}, which no run does: refused")
    for entry in manifest.entries:
        found = _header(stream, entry.path)
        if found is None:
            raise BadInput(f"it ends before {entry.path!r}, which its manifest lists")
        _check(found, entry, manifest)
        blocks = _hashed(stream.member(entry.bytes), entry)
        take(entry, blocks)
        for _ in blocks:  # what was not taken is checked all the same
            pass
    if (surplus := _header(stream, "its end")) is not None:
        raise BadInput(_problem(surplus) or f"{clean(surplus.name)!r} is not listed in its manifest")
    stream.expect_end()
    return manifest


def _header(stream: _Stream, expected: str) -> tarfile.TarInfo | None:
    """The next header; None at the end of the tar file, which is a block of zeros."""
    block = stream.exactly(tarfile.BLOCKSIZE, expected)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        raise BadInput(f"damaged: there is no valid header where {expected} should be") from None


def _check(found: tarfile.TarInfo, entry: Entry, manifest: Manifest) -> None:
    """BadInput if a member is not the file that the manifest lists in this place."""
    if problem := _problem(found):
        raise BadInput(problem)
    if found.name != entry.path:
        listed = any(found.name == other.path for other in manifest.entries)
        why = "occurs twice or out of order" if listed else "is not listed in its manifest"
        raise BadInput(f"{clean(found.name)!r} {why}")
    if found.size != entry.bytes:
        raise BadInput(f"{entry.path!r} has {found.size} bytes, {entry.bytes} in its manifest")


def _problem(found: tarfile.TarInfo) -> str:
    """Why no archive may hold such a member, "" if one may."""
    if not found.isreg() or found.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return f"{clean(found.name)!r} is {_KINDS.get(found.type, 'not a plain file')}"
    return problem_with(found.name)


def _hashed(blocks: Blocks, entry: Entry) -> Iterator[bytes]:
    """The same blocks. BadInput at their end if they are not those that the manifest lists."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        yield block
    if digest.hexdigest() != entry.sha256:
        raise BadInput(f"damaged: the SHA-256 of {entry.path!r} is not the one in its manifest")


class _Stream:
    """The decompressed bytes, in order."""

    def __init__(self, source: BinaryIO) -> None:
        self._reader = zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(
            source, read_across_frames=True, closefd=False
        )

    def exactly(self, size: int, what: str) -> bytes:
        """So many bytes. BadInput where there are fewer."""
        parts = []
        while size:
            if not (part := self._reader.read(size)):
                raise BadInput(f"it ends in the middle of {what}: truncated?")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def member(self, size: int) -> Blocks:
        """The content of a member, up to the next header."""
        left = size
        while left:
            block = self.exactly(min(left, BLOCK), "a file")
            left -= len(block)
            yield block
        self.exactly(-size % tarfile.BLOCKSIZE, "a file")

    def expect_end(self) -> None:
        """BadInput if anything but the padding of a tar file is left."""
        rest = self._reader.read(tarfile.RECORDSIZE + 1)
        if len(rest) > tarfile.RECORDSIZE or rest.strip(b"\0"):
            raise BadInput("there is something after its end")
