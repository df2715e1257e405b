"""The files of a run that are packed, and their contents as streams of bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import MAX_FILE, read_file, read_json
from engine.contract.lines import open_regular
from engine.contract.run.checkpoints import BEST, META, STATE, UNREADABLE, WEIGHTS, encode_meta, read_meta
from engine.contract.run.folder import RunFolder
from engine.contract.run.logfile import EARLIER
from engine.contract.run.predicted import FOLDER, MAX_ENTRY
from engine.contract.run.prune import worth_keeping
from engine.exchange.pack.anonymous import Anonymizer

BLOCK: Final = 1 << 20
"""Bytes that are in memory at once."""
Blocks = Iterator[bytes]
Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """A file to pack: its path in the run folder, and how to read what is packed of it."""

    file: str
    read: Callable[[], Blocks]


def items_of(run: RunFolder, *, weights: bool, anonymous: bool) -> list[Item]:
    """What is packed of a run, in a fixed order.

    Files that belong to this machine are left out: those of the run's processes, its locks and its optimizer state.

    Args:
        weights: pack the final and the best weights, too.
        anonymous: pack no log, and of the other files only what does not identify host or user.

    Raises:
        BadInput: a file is a link or cannot be read.
    """
    anonymizer = Anonymizer(run) if anonymous else None
    found = list(_own_files(run, anonymizer))
    if weights:
        found += _weights(run, anonymizer)
    return found


def _own_files(run: RunFolder, anonymizer: Anonymizer | None) -> Iterator[Item]:
    change = anonymizer or Unchanged()
    small: list[tuple[Path, Change]] = [
        (run.run_json, change.run_json),
        (run.recipe_toml, change.recipe),
        (run.path / "probe.json", change.record),
        (run.exit, change.record),
        *((path, change.record) for path in sorted(run.exits.glob("*.json"))),
        *((path, change.predicted) for path in sorted(run.predicted.glob("*.json"))),
        *((path, partial(change.part, path.name)) for path in sorted(run.parts.glob("*.py"))),
    ]
    for path, changed in small:
        if _is_there(path):
            yield _fixed(_name(run, path), changed(_content(path)))
    for path in (run.labels_jsonl, run.events):
        yield from _large(run, path, anonymizer)
    yield from _large(run, run.predictions)
    for path in sorted(run.predicted.glob("*.npz")):
        yield from _large(run, path)
    yield from _large(run, run.path / "scalars.npz")
    if anonymizer is None:
        yield from _large(run, run.log)
        yield from _large(run, run.log.with_name(EARLIER))


class Unchanged:
    """What stands in place of an `Anonymizer` where the files are packed as they are."""

    def run_json(self, data: bytes) -> bytes:
        return data

    recipe = record = predicted = run_json

    def part(self, name: str, data: bytes) -> bytes:
        return data


def is_imported(run: RunFolder) -> bool:
    """Whether another program has trained the run, whose recipe is unknown then."""
    return bool((read_json(run.run_json) or {}).get("imported"))


def _content(path: Path) -> bytes:
    """A small file. BadInput if it is larger than any of ours."""
    try:
        return read_file(path, MAX_ENTRY if path.parent.name == FOLDER else MAX_FILE)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def _fixed(file: str, data: bytes) -> Item:
    return Item(file, lambda: iter((data,)))


def _large(run: RunFolder, path: Path, anonymizer: Anonymizer | None = None) -> Iterator[Item]:
    """A file that is read in blocks; without what identifies anybody, if it consists of lines of JSON."""
    if not _is_there(path):
        return
    if anonymizer is None:
        yield Item(_name(run, path), lambda: blocks(path))
    else:
        yield Item(_name(run, path), lambda: anonymizer.lines(_lines(path)))


def _weights(run: RunFolder, anonymizer: Anonymizer | None) -> Iterator[Item]:
    """The checkpoints with the final and the best weights, without the state to resume from."""
    for name in worth_keeping(run.checkpoints):
        folder = run.checkpoints / name
        try:
            meta = read_meta(folder)
        except UNREADABLE as error:
            raise BadInput(f"run {run.id}: checkpoint {name} is damaged: {error}") from error
        meta["files"].pop(STATE, None)
        yield _fixed(f"checkpoints/{name}/{META}", encode_meta(anonymizer.table(meta) if anonymizer else meta))
        for file in (WEIGHTS, BEST):
            if file in meta["files"]:
                yield from _large(run, folder / file)


def blocks(path: Path) -> Blocks:
    """A regular file in blocks. OSError if it is something else or cannot be read."""
    with os.fdopen(open_regular(path), "rb") as file:
        while block := file.read(BLOCK):
            yield block


def _lines(path: Path) -> Iterator[bytes]:
    with os.fdopen(open_regular(path), "rb") as file:
        while line := file.readline(BLOCK):
            yield line


def _is_there(path: Path) -> bool:
    """Whether there is a regular file. BadInput if something else is in its place, or it is forbidden."""
    try:
        os.close(open_regular(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    return True


def _name(run: RunFolder, path: Path) -> str:
    return path.relative_to(run.path).as_posix()
