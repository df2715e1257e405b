"""Unpack runs into a runs folder: checked as a whole before anything is written, and moved into place at the end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.files import MAX_FILE, read_json, write_atomic
from engine.contract.run.folder import NEEDED, RunFolder
from engine.contract.run.roots import make_root
from engine.contract.run.trash import trash_of
from engine.contract.text import file_size
from engine.contract.values import encode_table, parse
from engine.exchange.pack.contents import Blocks, blocks
from engine.exchange.pack.manifest import Entry, Manifest
from engine.exchange.pack.read import read_archive

STAGING: Final = ".unpack-"
"""How the folder begins in which files wait until all of them are there."""
SPARE: Final = 50_000_000
"""Bytes that stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Examined:
    """An archive that was read and checked from its beginning to its end."""

    archive: Path
    root: Path
    manifest: Manifest
    present: tuple[str, ...]
    """The ids of those of its runs that the runs folder has already."""

    @property
    def new(self) -> list[str]:
        """The ids of the runs that would be unpacked."""
        return [run for run in self.manifest.runs if run not in self.present]


def examine(archive: Path, root: Path) -> Examined:
    """Read an archive without writing anything.

    Args:
        root: the runs folder that its runs are meant for.

    Raises:
        BadInput: the archive is damaged or not one of ours, a run in it has the id of another run that is there
            already, or the disk has too little room.
    """
    infos: dict[str, dict[str, Any]] = {}

    def take(entry: Entry, content: Blocks) -> None:
        if entry.file == "run.json":
            infos[entry.run] = _info(entry, content)

    manifest = read_archive(archive, take)
    present = tuple(run for run in manifest.runs if _is_present(run, infos[run], root))
    found = Examined(archive, root, manifest, present)
    _check_room(root, sum(entry.bytes for run in found.new for entry in manifest.of(run)))
    return found


def _info(entry: Entry, content: Blocks) -> dict[str, Any]:
    if entry.bytes > MAX_FILE:
        raise BadInput(f"{entry.path!r} is larger than {file_size(MAX_FILE)}")
    table = parse(b"".join(content))
    if table is None or not table.keys() >= NEEDED:
        raise BadInput(f"{entry.path!r} is damaged")
    return table


def _is_present(run: str, info: dict[str, Any], root: Path) -> bool:
    """Whether the runs folder has this run already. BadInput if it has another one of the same id."""
    if not os.path.lexists(root / run):
        if os.path.lexists(trash_of(root) / run):
            raise BadInput(f"run {run} is in the trash: `cifar-tui runs restore {run}` brings it back")
        return False
    theirs, ours = _identity(info), _identity(read_json(root / run / "run.json") or {})
    if theirs != ours:
        raise BadInput(f"run {run}: {root} has another run of this id; unpack into another folder with --runs-dir")
    return True


def _identity(info: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a run from every other; packing anonymously does not change it."""
    return tuple(info.get(key) for key in ("created", "seed", "recipe_id", "model"))


def _check_room(root: Path, needed: int) -> None:
    place = root
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed + SPARE:
        raise BadInput(f"{place} has {file_size(free)} free; the archive unpacks to {file_size(needed)}")


def unpack(found: Examined) -> list[RunFolder]:
    """Unpack the new runs of an archive and return their folders. They appear whole or not at all.

    Raises:
        BadInput: the archive has changed since it was examined, or the runs folder cannot be written.
    """
    if not (new := found.new):
        return []
    make_root(found.root)
    with _staging(found.root) as staging:
        for run in new:
            (staging / run).mkdir(mode=0o700)
        manifest = read_archive(found.archive, lambda entry, content: _place(staging, entry, content, new))
        if manifest != found.manifest:
            raise BadInput(f"{found.archive} has changed while it was being unpacked")
        origin = {"archive": found.archive.name, "sha256": _digest(found.archive), "t": time.time()}
        for run in new:
            write_atomic(RunFolder(staging / run).unpacked, encode_table(origin))
        for run in new:
            (staging / run).rename(found.root / run)
    return [RunFolder(found.root / run) for run in new]


@contextlib.contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A folder beside the runs, which is removed with everything in it. BadInput if it cannot be written."""
    staging = root / f"{STAGING}{secrets.token_hex(4)}"
    try:
        staging.mkdir(mode=0o700)
        try:
            yield staging
        finally:
            shutil.rmtree(staging)
    except OSError as error:
        raise BadInput(f"cannot unpack into {root}: {error.strerror or error}") from error


def _place(staging: Path, entry: Entry, content: Blocks, new: list[str]) -> None:
    """Write a file of a new run; its path has been checked by `read_archive`."""
    if entry.run not in new:
        return
    path = staging / entry.path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for block in content:
            file.write(block)
        file.flush()
        os.fsync(fd)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for block in blocks(path.resolve()):
        digest.update(block)
    return digest.hexdigest()
