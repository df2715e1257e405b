"""Import a data set that the user has copied to this machine: an archive, or a folder with its files. No torch."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from engine.contract.errors import user_path
from engine.contract.lines import open_regular
from engine.data.archives import DataError, Location, data_root, file_sha256, locate, writing
from engine.data.sources import SOURCES, AnySource, Archive

KNOWN: Final = [archive.name for source in SOURCES.values() for _, archive in source.archives]


def import_archive(file: str | Path, data_dir: str | Path = "") -> Location:
    """Copy an archive, one file of a data set, or a folder with all of its files into the data folder.

    Files are recognized by their content; their names do not matter. If a data set consists of several files, it may
    still be incomplete after one of them, as the returned location says.

    Raises:
        DataError: the content is not that of a known file, or cannot be read or copied.
    """
    path = user_path(file)
    root = data_root(data_dir)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    if is_folder:
        return _import_folder(path, root)
    sha256 = file_sha256(path)
    for source in SOURCES.values():
        for place, archive in _single_files(source):
            if archive.sha256 == sha256:
                _copy(path, root / place / archive.name)
                return locate(source.name, root)
    raise DataError(f"{path} is not a file of a known data set: {_guess(path)}")


def _single_files(source: AnySource) -> list[tuple[str, Archive]]:
    """The files of a data set that can be imported one by one, each with its folder relative to the data folder."""
    whole = [("", archive) for _, archive in source.archives]
    return whole or [(source.download_folder, archive) for archive in source.downloads]


def _import_folder(path: Path, root: Path) -> Location:
    """Import a folder; data sets with the same file names are told apart by their checksums."""
    damage: list[tuple[str, list[str]]] = []
    for source in SOURCES.values():
        for folder in (path, path / source.folder):
            if all((folder / member).is_file() for member in source.members):
                wrong = [member for member, sha256 in source.members.items() if file_sha256(folder / member) != sha256]
                if not wrong:
                    for member in source.members:
                        _copy(folder / member, root / source.folder / member)
                    return locate(source.name, root)
                damage.append((f"{folder} is a damaged {source.title}", wrong))
    if damage:
        what, wrong = min(damage, key=lambda found: len(found[1]))
        raise DataError(f"{what}: {', '.join(wrong)} has the wrong SHA-256")
    known = ", ".join(f"{source.title} ({source.folder})" for source in SOURCES.values())
    raise DataError(f"{path} does not contain the files of a known data set: {known}")


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
    """Why a file was not recognized, for the error message."""
    size = path.stat().st_size
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        head = file.read(64).lstrip().lower()
    if not size:
        return "it is empty"
    if head.startswith((b"<", b"{")):
        return "it looks like a web page, not an archive"
    called = [
        (archive, source.title)
        for source in SOURCES.values()
        for _, archive in _single_files(source)
        if path.name.startswith(archive.name)
    ]
    if called and all(size != archive.size for archive, _ in called):
        wanted = ", ".join(f"{archive.name} of {title} has {archive.size:,}" for archive, title in called)
        return f"it has {size:,} bytes, but {wanted}; was the download interrupted?"
    return f"its SHA-256 is not that of {', '.join(KNOWN)} or of a file of MNIST or Fashion-MNIST"
