"""List ten thousand runs at once: rows of ended runs are cached, and only changed runs are read again.

The rows are in a SQLite file in the local cache folder, which is only a cache: if deleted, damaged or from another
version it is rebuilt, and where it cannot be used (a network folder, a read-only home) rows live as long as the object.
A live run is checked every time, since no file shows when a process dies.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import platformdirs

from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.roots import run_paths
from engine.contract.run.rowcache import RowCache, is_remote
from engine.contract.run.status import DENIED
from engine.contract.run.summary import Summary, summarize

VERSION: Final = 9  # increase it whenever Summary or the meaning of one of its fields changes
TURNS: Final = 20
RACY_NS: Final = 2_000_000_000  # a file changed this recently may change again with the same time stamp
# The folder's own time stamp changes with every file that is renamed into it; the other files are changed in place.
_WATCHED: Final = ("", "/run.json", "/exit.json", "/labels.jsonl", "/events.jsonl", "/checkpoints")
UNUSED: Final = ("per_class", "confused")  # of an epoch, most of its memory
_FIELDS: Final = tuple(item.name for item in dataclasses.fields(Summary))
_LISTS: Final = tuple(_FIELDS.index(name) for name in ("tags", "notes"))

Signature = tuple[int, ...]
Kept = tuple[Signature, Summary]


class Index:
    """Rows of the results table, cached between calls and between programs. Not thread-safe.

    `parsed` is how many runs the last call of `rows` had to read from their files.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Args: path: of the SQLite file; by default in the local cache folder, or none if that is remote."""
        if path is None:
            folder = platformdirs.user_cache_path("cifar-tui")
            path = None if is_remote(folder) else folder / "index.sqlite"
        self._cache = RowCache(path, VERSION)
        self._rows: dict[str, Kept] = {}
        self._loaded = False
        self._folds: dict[str, RunFold] = {}  # of live runs, so that only their new events are read
        self._turn = 0
        self.parsed = 0

    def rows(self, roots: Sequence[Path], *, quick: bool = False) -> list[Summary]:
        """A row for every run in the roots, newest first. A damaged run has a row that says so.

        Args:
            quick: for a screen that polls every second. New, live and removed runs show at once; of the ended ones only
                a fraction is compared with its files, a different one each time, so a change in one of them shows after
                at most TURNS calls.
        """
        if not self._loaded:
            self._rows, self._loaded = self._load(), True
        self.parsed = 0
        self._turn = (self._turn + 1) % TURNS
        seen: dict[str, Summary] = {}
        fresh: dict[str, Kept] = {}
        for root in roots:
            for number, path in enumerate(run_paths(root)):
                kept = self._rows.get(path)
                if kept and quick and number % TURNS != self._turn:
                    seen[path] = kept[1]
                else:
                    seen[path] = self._row(path, kept, fresh)
        places = {str(root) for root in roots}
        gone = [path for path in self._rows if path not in seen and os.path.dirname(path) in places]  # noqa: PTH120
        self._remember(fresh, gone)
        return sorted(seen.values(), key=lambda row: (row.created or row.started, row.id), reverse=True)

    def _row(self, path: str, kept: Kept | None, fresh: dict[str, Kept]) -> Summary:
        """The cached row if its files are unchanged, else a new one, which is added to `fresh` if it can be cached."""
        signature = sign(path)
        if kept and kept[0] == signature:
            return kept[1]
        now = time.time_ns()
        folder = RunFolder(Path(path))
        fold = self._folds.pop(path, None) or RunFold(folder.events, UNUSED)
        row = summarize(folder, fold)
        self.parsed += 1
        self._rows.pop(path, None)
        if row.live:
            self._folds[path] = fold
        elif row.reason not in ("bad_input", DENIED) and all(abs(now - stamp) > RACY_NS for stamp in signature[::2]):
            fresh[path] = signature, row
        return row

    def _load(self) -> dict[str, Kept]:
        stored = self._cache.load()
        try:
            values = json.loads("[" + ",".join(stored.values()) + "]")
            return {
                path: (tuple(signature), _summary(row)) for path, (signature, row) in zip(stored, values, strict=True)
            }
        except (ValueError, TypeError, KeyError, IndexError):  # not our format: start over
            self._cache.discard()
            return {}

    def _remember(self, fresh: dict[str, Kept], gone: list[str]) -> None:
        for path in gone:
            del self._rows[path]
            self._folds.pop(path, None)
        self._rows |= fresh
        if fresh or gone:
            self._cache.save(
                ((path, json.dumps([signature, _values(row)])) for path, (signature, row) in fresh.items()), gone
            )


def sign(path: str) -> Signature:
    """Time stamps and sizes of the files that a row depends on, alternating; zeros for a missing file."""
    parts: list[int] = []
    for name in _WATCHED:
        try:
            status = os.stat(path + name, follow_symlinks=False)  # noqa: PTH116  # called ten thousand times, so no Path objects
            parts += (status.st_mtime_ns, status.st_size)
        except OSError:
            parts += (0, 0)
    return tuple(parts)


def _values(row: Summary) -> list[Any]:
    return [getattr(row, name) for name in _FIELDS]


def _summary(values: list[Any]) -> Summary:
    for position in _LISTS:
        values[position] = tuple(values[position])
    return Summary(*values)
