"""The manifest of a packed run: the first member of the archive, which lists every other one with size and SHA-256.

An archive is a zstandard stream around a tar file of plain members (POSIX ustar). The manifest is strict JSON:

format      "cifar-tui-pack"
version     1
made_by     the version of cifar-tui that packed it
anonymous   whether host, user, paths and notes were removed
weights     whether weights were packed
files       a list of {"path", "bytes", "sha256"}, in the order of the members; a path is RUN_ID/FILE

Only files that a run folder has (`FILE`) are ever packed, and nothing else is accepted when an archive is read.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.run.folder import RUN_ID
from engine.contract.text import clean
from engine.contract.values import build, parse

FORMAT: Final = "cifar-tui-pack"
VERSION: Final = 1
NAME: Final = "manifest.json"
FILE: Final = re.compile(
    r"run\.json|recipe\.toml|labels\.jsonl|events\.jsonl|scalars\.npz|probe\.json|predictions\.npz|exit\.json|exits/\d{1,6}\.json"
    r"|predicted/[a-z0-9][a-z0-9._-]{0,59}(@best)?\.(json|npz)"
    r"|log(\.1)?\.txt|parts/[^./\\][^/\\]*\.py"
    r"|checkpoints/epoch-\d{4,8}(-step-\d{5,9})?/(meta\.json|weights\.pt|best\.pt)"
)
"""The files of a run that an archive may hold, relative to the run folder."""
LONGEST_PATH: Final = 200
NEEDED: Final = "run.json"
"""The file without which there is no run. A run that was imported from another program has no recipe."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the archive."""

    path: str
    bytes: int
    sha256: str

    @property
    def run(self) -> str:
        """The id of the run that the file belongs to."""
        return self.path.partition("/")[0]

    @property
    def file(self) -> str:
        """The path relative to the run folder."""
        return self.path.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds."""

    entries: tuple[Entry, ...]
    anonymous: bool = False
    weights: bool = False
    made_by: str = ""

    @property
    def runs(self) -> list[str]:
        """The ids of its runs, in their order."""
        return list(dict.fromkeys(entry.run for entry in self.entries))

    @property
    def size(self) -> int:
        """The bytes of all files, unpacked."""
        return sum(entry.bytes for entry in self.entries)

    def of(self, run: str) -> list[Entry]:
        """The files of one run."""
        return [entry for entry in self.entries if entry.run == run]

    def encode(self) -> bytes:
        """The content of `manifest.json`."""
        head = {"format": FORMAT, "version": VERSION, "made_by": self.made_by}
        table = head | {"anonymous": self.anonymous, "weights": self.weights}
        return json.dumps(table | {"files": [asdict(entry) for entry in self.entries]}, indent=1).encode()


@dataclass(frozen=True, slots=True)
class _Head:
    format: str = ""
    version: int = 0
    made_by: str = ""
    anonymous: bool = False
    weights: bool = False


def read_manifest(data: bytes) -> Manifest:
    """The manifest in the content of `manifest.json`.

    Raises:
        BadInput: it is damaged or written by a later version, or names a file that no archive may hold.
    """
    table = parse(data) or {}
    try:
        head = build(_Head, table)
        entries = tuple(_entry(item) for item in table["files"])
    except (TypeError, KeyError):
        raise BadInput(f"{NAME} is damaged, or not that of a packed run") from None
    if head.format != FORMAT:
        raise BadInput(f"{NAME} is not that of a packed run")
    if head.version > VERSION:
        raise BadInput(f"it was packed by a later version of cifar-tui (layout {head.version}, known: {VERSION})")
    seen = set[str]()
    for entry in entries:
        if problem := problem_with(entry.path):
            raise BadInput(problem)
        if entry.path.casefold() in seen:  # some file systems do not tell upper from lower case
            raise BadInput(f"{entry.path!r} occurs twice")
        seen.add(entry.path.casefold())
    for run in dict.fromkeys(entry.run for entry in entries):
        if f"{run}/{NEEDED}" not in seen:
            raise BadInput(f"run {run} has no {NEEDED}")
    return Manifest(entries, head.anonymous, head.weights, head.made_by)


def _entry(item: Any) -> Entry:
    if not isinstance(item, dict):
        raise TypeError("not an object")
    entry = build(Entry, item)
    if entry.bytes < 0 or not _HASH.fullmatch(entry.sha256):
        raise TypeError("not a size or a hash")
    return entry


def problem_with(path: str) -> str:
    """Why a path must not be in an archive, "" if it may."""
    shown = repr(clean(path)[:LONGEST_PATH])
    run, _, file = path.partition("/")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        return f"{shown} is an absolute path"
    if ".." in re.split(r"[/\\]", path):
        return f"{shown} leads out of the run folder"
    if len(path) > LONGEST_PATH or clean(path) != path or not RUN_ID.fullmatch(run) or not FILE.fullmatch(file):
        return f"{shown} is not a file of a run"
    return ""
