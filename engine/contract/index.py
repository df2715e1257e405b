"""Ten thousand runs listed at once: rows of ended runs are remembered, and only what changed is read again.

The memory is a SQLite file in the local cache folder and never more than a cache: deleted, damaged or from another
version it is built again, and where it cannot be had (a network folder, a read-only home) rows live as long as the
object. A run that is alive is looked at every time, since no file tells when a process dies.
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

from engine.contract.fold import RunFold
from engine.contract.folder import RunFolder
from engine.contract.roots import run_paths
from engine.contract.rowcache import RowCache, is_remote
from engine.contract.summary import Summary, summarize

VERSION: Final = 1  # raise it whenever Summary or the meaning of one of its fields changes
RACY_NS: Final = 2_000_000_000  # a file changed this lately may change again within the same time stamp
# The folder's own stamp moves with every file that is renamed into place; the others are changed where they lie.
_WATCHED: Final = ("", "/run.json", "/exit.json", "/labels.jsonl", "/events.jsonl", "/checkpoints")
_FIELDS: Final = tuple(item.name for item in dataclasses.fields(Summary))
_LISTS: Final = tuple(_FIELDS.index(name) for name in ("tags", "notes"))

Signature = tuple[int, ...]


class Index:
    """Rows of the results table, kept between calls and between programs. Not for two threads at once.

    `parsed` is how many runs the last call of `rows` had to read from their files.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Args: path of the SQLite file; by default in the local cache folder, none at all if that is remote."""
        if path is None:
            folder = platformdirs.user_cache_path("cifar-tui")
            path = None if is_remote(folder) else folder / "index.sqlite"
        self._cache = RowCache(path, VERSION)
        self._rows: dict[str, tuple[Signature, Summary]] | None = None
        self._folds: dict[str, RunFold] = {}  # of live runs, so that only their new events are read
        self.parsed = 0

    def rows(self, roots: Sequence[Path]) -> list[Summary]:
        """A row for every run in the roots, newest first. Damaged runs are rows that say so."""
        if self._rows is None:
            self._rows = self._load()
        known, now = self._rows, time.time_ns()
        seen: dict[str, Summary] = {}
        fresh: dict[str, tuple[Signature, Summary]] = {}
        self.parsed = 0
        for root in roots:
            for path in run_paths(root):
                signature = sign(path)
                if (kept := known.get(path)) and kept[0] == signature:
                    seen[path] = kept[1]
                    continue
                seen[path] = row = self._read(path)
                if not row.live and all(abs(now - stamp) > RACY_NS for stamp in signature[::2]):
                    fresh[path] = signature, row
        places = {str(root) for root in roots}
        gone = [path for path in known if path not in seen and os.path.dirname(path) in places]  # noqa: PTH120
        self._remember(fresh, gone)
        return sorted(seen.values(), key=lambda row: (row.created or row.started, row.id), reverse=True)

    def _read(self, path: str) -> Summary:
        folder = RunFolder(Path(path))
        fold = self._folds.pop(path, None) or RunFold(folder.events)
        row = summarize(folder, fold)
        self.parsed += 1
        if row.live:
            self._folds[path] = fold
        return row

    def _load(self) -> dict[str, tuple[Signature, Summary]]:
        stored = self._cache.load()
        try:
            values = json.loads("[" + ",".join(stored.values()) + "]")
            return {
                path: (tuple(signature), _summary(row)) for path, (signature, row) in zip(stored, values, strict=True)
            }
        except (ValueError, TypeError, KeyError, IndexError):  # not what we wrote: begin again
            self._cache.discard()
            return {}

    def _remember(self, fresh: dict[str, tuple[Signature, Summary]], gone: list[str]) -> None:
        assert self._rows is not None
        for path in gone:
            del self._rows[path]
            self._folds.pop(path, None)
        self._rows |= fresh
        if fresh or gone:
            self._cache.save(
                ((path, json.dumps([signature, _values(row)])) for path, (signature, row) in fresh.items()), gone
            )


def sign(path: str) -> Signature:
    """Time stamps and sizes of the files that a row depends on, in turn; zeros for what is not there."""
    parts: list[int] = []
    for name in _WATCHED:
        try:
            status = os.stat(path + name, follow_symlinks=False)  # noqa: PTH116  # ten thousand times: no objects
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
