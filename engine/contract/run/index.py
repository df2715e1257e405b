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

from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.roots import run_paths
from engine.contract.run.rowcache import RowCache, is_remote
from engine.contract.run.status import DENIED
from engine.contract.run.summary import Summary, summarize

VERSION: Final = 6  # raise it whenever Summary or the meaning of one of its fields changes
TURNS: Final = 20
RACY_NS: Final = 2_000_000_000  # a file changed this lately may change again within the same time stamp
# The folder's own stamp moves with every file that is renamed into place; the others are changed where they lie.
_WATCHED: Final = ("", "/run.json", "/exit.json", "/labels.jsonl", "/events.jsonl", "/checkpoints")
_FIELDS: Final = tuple(item.name for item in dataclasses.fields(Summary))
_LISTS: Final = tuple(_FIELDS.index(name) for name in ("tags", "notes"))

Signature = tuple[int, ...]
Kept = tuple[Signature, Summary]


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
        self._rows: dict[str, Kept] = {}
        self._loaded = False
        self._folds: dict[str, RunFold] = {}  # of live runs, so that only their new events are read
        self._turn = 0
        self.parsed = 0

    def rows(self, roots: Sequence[Path], *, quick: bool = False) -> list[Summary]:
        """A row for every run in the roots, newest first. Damaged runs are rows that say so.

        Args:
            quick: for a screen that asks every second. New, live and removed runs show at once; of the ended ones
                only a part is compared with its files, a different one each time, so that a change in one of them
                shows after at most TURNS calls. `forget` makes it show in the next.
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
                    seen[path] = self._look(path, kept, fresh)
        places = {str(root) for root in roots}
        gone = [path for path in self._rows if path not in seen and os.path.dirname(path) in places]  # noqa: PTH120
        self._remember(fresh, gone)
        return sorted(seen.values(), key=lambda row: (row.created or row.started, row.id), reverse=True)

    def forget(self, folder: Path) -> None:
        """Read a run afresh the next time: for who has just changed it."""
        self._rows.pop(str(folder), None)

    def _look(self, path: str, kept: Kept | None, fresh: dict[str, Kept]) -> Summary:
        """The kept row if its files are unchanged, else a new one, put into `fresh` when it will hold."""
        signature = sign(path)
        if kept and kept[0] == signature:
            return kept[1]
        now = time.time_ns()
        folder = RunFolder(Path(path))
        fold = self._folds.pop(path, None) or RunFold(folder.events)
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
        except (ValueError, TypeError, KeyError, IndexError):  # not what we wrote: begin again
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
