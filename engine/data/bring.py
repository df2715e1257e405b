"""Taking in a data set that somebody brought by hand: an archive, or a folder of unpacked batches. No torch."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from engine.data.archives import DataError, Location, data_root, file_sha256, locate, writing
from engine.data.sources import SOURCES, Source

KNOWN: Final = [archive.name for source in SOURCES.values() for archive in (source.python, source.binary)]


def import_archive(file: str | Path, data_dir: str | Path = "") -> Location:
    """Copy an archive, or a folder of unpacked batches, into the data folder.

    What it is follows from its content alone: its name does not matter.

    Raises:
        DataError: where it is none of the known archives byte for byte, or cannot be read or copied.
    """
    path = Path(file).expanduser()
    root = data_root(data_dir)
    if path.is_dir():
        return _import_folder(path, root)
    sha256 = file_sha256(path)
    for source in SOURCES.values():
        for archive in (source.python, source.binary):
            if archive.sha256 == sha256:
                _copy(path, root / archive.name)
                return locate(source.name, root)
    raise DataError(f"{path} is no CIFAR archive: {_guess(path)}")


def _import_folder(path: Path, root: Path) -> Location:
    for source in SOURCES.values():
        for folder in (path, path / source.folder):
            if all((folder / member).is_file() for member in source.members):
                _check_folder(folder, source)
                for member in source.members:
                    _copy(folder / member, root / source.folder / member)
                return locate(source.name, root)
    raise DataError(f"{path} holds no unpacked CIFAR batches ({' or '.join(s.folder for s in SOURCES.values())})")


def _check_folder(folder: Path, source: Source) -> None:
    wrong = [member for member, sha256 in source.members.items() if file_sha256(folder / member) != sha256]
    if wrong:
        raise DataError(f"{folder} is damaged: {', '.join(wrong)} has the wrong SHA-256")


def _copy(source: Path, target: Path) -> None:
    with writing(target.parent):
        if target.exists() and target.samefile(source):
            return
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            shutil.copyfile(source, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _guess(path: Path) -> str:
    """What a file that is not ours looks like, for the person who brought it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if not size:
        return "it is empty"
    if head.startswith((b"<", b"{")):
        return "it looks like a web page, not like an archive"
    for source in SOURCES.values():
        for archive in (source.python, source.binary):
            if path.name.startswith(archive.name) and size != archive.size:
                return f"it has {size:,} bytes, {archive.name} has {archive.size:,}: an interrupted download?"
    return f"its SHA-256 is none of those of {', '.join(KNOWN)}"
