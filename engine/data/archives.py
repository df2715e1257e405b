"""Finding, checking and opening downloaded data sets on this machine. No torch, no network."""

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
"""Called with the bytes done, the bytes in all and a word on what is being done."""


class DataError(BadInput):
    """A data set that is missing, damaged or out of reach; the message says what a person can do about it."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a data set is. `path` is the folder or archive found; where it is missing, the folder that was searched."""

    name: str
    kind: Kind
    path: Path
    searched: tuple[Path, ...] = ()
    note: str = ""
    """What stood in the way: a folder that lacks files, for instance."""
    denied: bool = False
    """Whether it may be there all the same, in a folder that this user may not read."""

    @property
    def missing(self) -> bool:
        return self.kind == "missing"


def data_root(data_dir: str | Path = "") -> Path:
    """`data_dir` itself, else $CIFAR_TUI_DATA, else `data` in the user's own data folder.

    A data set's own folder stands for the data folder that it lies in, as people give either.
    """
    given = str(data_dir) or os.environ.get("CIFAR_TUI_DATA", "")
    root = user_path(given) if given else platformdirs.user_data_path("cifar-tui") / "data"
    for source in SOURCES.values():
        own = PurePosixPath(source.folder).parts
        if root.parts[-len(own) :] == own:
            return root.parents[len(own) - 1]
    return root


def locate(name: str, data_dir: str | Path = "") -> Location:
    """Find a data set without reading it: its folder first, then the archives that hold all of it.

    A data set that is no download (generated, or a user's own) is "generated".
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
        if _is_closed(place):
            note = f"permission denied{owned_by(place)} ({place})"
            return Location(name, "missing", root, searched, note, denied=True)
    partly = len(absent) < len(source.members)
    note = f"{folder} is there but lacks {', '.join(absent)}" if partly else ""
    return Location(name, "missing", root, searched, note)


def missing_data(location: Location, why: str = "") -> DataError:
    """The one error for data that is not there: what was looked for and where, and the three ways out."""
    source = SOURCES[location.name]
    if location.denied:
        return DataError(f"{source.title} cannot be read: {location.note}; name another folder with --data-dir")
    looked = ", ".join(path.relative_to(location.path).as_posix() for path in location.searched)
    notes = "".join(f"; {note}" for note in (location.note, why) if note)
    return DataError(
        f"{source.title} is not on this machine: looked for {looked} in {location.path}{notes}. "
        f"Fetch it with `cifar-tui data fetch {source.name}`; or {source.by_hand}; "
        f"the preset `quickstart` needs no data at all"
    )


def verify(name: str, data_dir: str | Path = "", progress: Progress | None = None) -> Location:
    """Find a data set and hold every file of it to its SHA-256.

    Raises:
        DataError: where it is missing, or with one line for each damaged file.
    """
    location = locate(name, data_dir)
    if location.missing:
        raise missing_data(location)
    check(location, progress)
    return location


def check(location: Location, progress: Progress | None = None) -> None:
    """Hold every file of a located data set to its SHA-256. Raises DataError, a line for each damaged file."""
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
    """The files of a data set and the SHA-256 that each must have."""
    if location.kind in ("missing", "generated"):
        return {}
    source = SOURCES[location.name]
    if location.kind == "folder":
        return {location.path / member: sha256 for member, sha256 in source.members.items()}
    return {location.path: next(archive.sha256 for kind, archive in source.archives if kind == location.kind)}


def signature(location: Location) -> str:
    """A text that changes when a file of the data set is replaced or touched; looks at sizes and times only."""
    stats = [(str(path.resolve()), path.stat()) for path in _expected(location)]
    text = repr([(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats])
    return hashlib.sha256(text.encode()).hexdigest()


def read_members(archive: Path, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """The named regular files of a tar archive, in archive order; nothing is written to disk.

    Raises:
        DataError: where the archive cannot be read, lacks a name, or holds a link, a device or a path leading outside.
    """
    left = set(names)
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts or not (member.isreg() or member.isdir()):
                    raise DataError(f"{archive} holds {member.name!r}, which is no plain file inside it: refused")
                if member.name in left and (content := tar.extractfile(member)) is not None:
                    left.remove(member.name)
                    yield member.name, content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"cannot read {archive}: {error}") from None
    if left:
        raise DataError(f"{archive} lacks {', '.join(sorted(left))}")


def unpack(archive: Path, source: CifarSource, target: Path) -> None:
    """Write the batches of a Python archive to `target`/FOLDER, each held to its SHA-256 before it is written."""
    folder = target / source.folder
    folder.mkdir(parents=True, exist_ok=True)
    members = {f"{source.folder}/{member}": sha256 for member, sha256 in source.members.items()}
    for name, content in read_members(archive, members):
        if hashlib.sha256(content).hexdigest() != members[name]:
            raise DataError(f"{archive} is damaged: {name} has the wrong SHA-256")
        (target / name).write_bytes(content)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex. Raises DataError where it cannot be read."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def is_file(path: Path) -> bool:
    """Whether a file is there, as far as that can be seen."""
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered, a name too long, holds nothing for us
        return False


def _is_closed(folder: Path) -> bool:
    """Whether what lies in a folder is hidden from this user, whatever it is."""
    try:
        (folder / "anything").lstat()
    except PermissionError:
        return True
    except OSError:  # nothing of that name, of course
        pass
    return False


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder, and turn any failure of the disk inside the block into one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where = error.filename or folder
        raise DataError(f"cannot write to {where}: {error.strerror or error}") from None
