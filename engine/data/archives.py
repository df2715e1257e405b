"""Locate, verify and open downloaded data sets on this machine. No torch, no network."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import platformdirs

from engine.contract.errors import BadInput, user_path
from engine.contract.files import owned_by
from engine.contract.lines import open_regular
from engine.data.sources import SOURCES, ArchiveKind, CifarSource

Kind = Literal["folder", "missing", "generated"] | ArchiveKind

Progress = Callable[[int, int, str], None]
"""Called with the number of bytes done, the total number of bytes and a short text about the current activity."""


class DataError(BadInput):
    """A data set is missing, damaged or unreachable; the message says what the user can do about it."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a data set is. `path` is the folder or archive found or, if it is missing, the folder that was searched."""

    name: str
    kind: Kind
    path: Path
    searched: tuple[Path, ...] = ()
    note: str = ""
    """Why it was not found, for example a folder that lacks files."""
    denied: bool = False
    """Whether it may exist in a folder that this user is not allowed to read."""

    @property
    def missing(self) -> bool:
        return self.kind == "missing"


def data_root(data_dir: str | Path = "") -> Path:
    """The data folder: `data_dir`, else $CIFAR_TUI_DATA, else `data` in the user's own data folder.

    If the path is the folder of a data set itself, the data folder that contains it is returned.
    """
    given = str(data_dir) or os.environ.get("CIFAR_TUI_DATA", "")
    root = user_path(given) if given else platformdirs.user_data_path("cifar-tui") / "data"
    for source in SOURCES.values():
        own = PurePosixPath(source.folder).parts
        if root.parts[-len(own) :] == own:
            return root.parents[len(own) - 1]
    return root


def locate(name: str, data_dir: str | Path = "") -> Location:
    """Find a data set without reading it: first its folder, then the archives that contain all of it.

    A data set that is not downloadable (generated, or a user's own) has the kind "generated".
    """
    root = data_root(data_dir)
    source = SOURCES.get(name)
    if source is None:
        return Location(name, "generated", root)
    folder = root / source.folder
    absent = [member for member in source.members if not is_file(folder / member)]
    if not absent:
        return Location(name, "folder", folder)
    for kind, archive in source.archives:
        if is_file(root / archive.name):
            return Location(name, kind, root / archive.name)
    searched = (folder, *(root / archive.name for _, archive in source.archives))
    for place in (root, folder):
        if _is_inaccessible(place):
            note = f"permission denied{owned_by(place)} ({place})"
            return Location(name, "missing", root, searched, note, denied=True)
    partly = len(absent) < len(source.members)
    note = f"{folder} exists but lacks {', '.join(absent)}" if partly else ""
    return Location(name, "missing", root, searched, note)


def missing_data(location: Location, why: str = "") -> DataError:
    """The error for a missing data set: what was looked for and where, and three ways to proceed."""
    source = SOURCES[location.name]
    if location.denied:
        return DataError(f"{source.title} cannot be read: {location.note}; choose another folder with --data-dir")
    looked = ", ".join(path.relative_to(location.path).as_posix() for path in location.searched)
    notes = "".join(f"; {note}" for note in (location.note, why) if note)
    return DataError(
        f"{source.title} is not on this machine: looked for {looked} in {location.path}{notes}. "
        f"Download it with `cifar-tui data fetch {source.name}`, or {source.by_hand}. "
        f"The preset `quickstart` needs no download."
    )


def verify(name: str, data_dir: str | Path = "", progress: Progress | None = None) -> Location:
    """Find a data set and verify the SHA-256 of every file.

    Raises:
        DataError: the data set is missing, or files are damaged, with one line for each of them.
    """
    location = locate(name, data_dir)
    if location.missing:
        raise missing_data(location)
    check(location, progress)
    return location


def check(location: Location, progress: Progress | None = None) -> None:
    """Verify the SHA-256 of every file of a located data set. Raises DataError with one line for each damaged file."""
    wanted = _expected(location)
    total = sum(path.stat().st_size for path in wanted)
    done = 0
    problems = []
    for path, sha256 in wanted.items():
        found = file_sha256(path)
        done += path.stat().st_size
        if progress is not None:
            progress(done, total, f"checking {path.name}")
        if found != sha256:
            problems.append(
                f"{path} is damaged: its SHA-256 begins with {found[:12]}, not {sha256[:12]}; "
                f"delete it and run `cifar-tui data fetch {location.name}`"
            )
    if problems:
        raise DataError(problems)


def _expected(location: Location) -> dict[Path, str]:
    """The files of a data set and their expected SHA-256."""
    if location.kind in ("missing", "generated"):
        return {}
    source = SOURCES[location.name]
    if location.kind == "folder":
        return {location.path / member: sha256 for member, sha256 in source.members.items()}
    return {location.path: next(archive.sha256 for kind, archive in source.archives if kind == location.kind)}


def signature(location: Location) -> str:
    """A string that changes when a file of the data set is replaced or touched; it depends on sizes and times only."""
    stats = [(str(path.resolve()), path.stat()) for path in _expected(location)]
    text = repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
    return hashlib.sha256(text.encode()).hexdigest()


def read_members(archive: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Read the named regular files of a tar archive, in archive order, without writing to disk.

    Raises:
        DataError: the archive cannot be read, lacks a file, or contains a link, a device or a path outside of it.
    """
    left = set(names)
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
                    raise DataError(
                        f"{archive} contains {member.name!r}, which is not a regular file inside the archive"
                    )
                if member.name in left and (content := tar.extractfile(member)) is not None:
                    left.remove(member.name)
                    yield member.name, content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"cannot read {archive}: {error}") from None
    if left:
        raise DataError(f"{archive} lacks {', '.join(sorted(left))}")


def unpack(archive: Path, source: CifarSource, target: Path) -> None:
    """Extract the batches of a Python archive into `target`/FOLDER, verifying the SHA-256 of each before writing it."""
    folder = target / source.folder
    folder.mkdir(parents=True, exist_ok=True)
    members = {f"{source.folder}/{member}": sha256 for member, sha256 in source.members.items()}
    for name, content in read_members(archive, members):
        if hashlib.sha256(content).hexdigest() != members[name]:
            raise DataError(f"{archive} is damaged: {name} has the wrong SHA-256")
        (target / name).write_bytes(content)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal. Raises DataError if it cannot be read."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def is_file(path: Path) -> bool:
    """Whether a file exists, as far as this user can tell."""
    try:
        return path.is_file()
    except OSError:  # for example a folder without permission, or a name that is too long
        return False


def _is_inaccessible(folder: Path) -> bool:
    """Whether this user is not allowed to access the files of a folder."""
    try:
        (folder / "anything").lstat()
    except PermissionError:
        return True
    except OSError:  # expected: there is no file of that name
        pass
    return False


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Create the folder, and turn any OSError inside the block into a DataError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where = error.filename or folder
        raise DataError(f"cannot write to {where}: {error.strerror or error}") from None
