"""What the screens share: where runs live, what is selected and marked, and the rows of all runs. Knows no widget."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract.catalog import Catalog, catalog
from engine.contract.files import read_json, write_atomic
from engine.contract.index import Index
from engine.contract.store import RunFolder, Summary
from tui.forms.again import draft_of, own_parts
from tui.forms.draft import Draft

RESCAN_SECONDS: Final = 2.0
SCAN_SHARE: Final = 0.03
"""Part of a core that looking for changes may take: where a scan is slow it happens less often."""

Start = Callable[[RunFolder], object]


def _start(run: RunFolder) -> None:
    from engine.launch import local

    local.start(run)


class Session:
    """The state behind the screens. Files are the truth; this holds what the user points at and a copy of the rows.

    Args:
        roots: folders with runs; the first is written to.
        start: spawns the supervisor of a run (tests give their own).
        state_file: where the time of leaving is kept; by default in the user's state folder.
        index: the cache of rows; by default the user's own.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        start: Start = _start,
        state_file: Path | None = None,
        index: Index | None = None,
    ) -> None:
        self.roots = list(roots)
        self.start = start
        self.selected: RunFolder | None = None
        self.marked: list[RunFolder] = []
        self.baseline: RunFolder | None = None
        self.draft: Draft | None = None
        """What New run opens with."""
        self.parts: tuple[str, ...] = ()
        """Files with parts of the user's own that new runs take along."""
        self._state_file = state_file or platformdirs.user_state_path("cifar-tui") / "workbench.json"
        self._index = index or Index()
        self._lock = threading.Lock()
        self._rows: list[Summary] = []
        self._scanned = 0.0
        self._cost = 0.0
        self._read = False
        self._since: Counter[str] = Counter()
        known = read_json(self._state_file) or {}
        self.left = _number(known.get("left"))
        """When the workbench was last left (unix seconds); 0 when never."""
        self.light = known.get("light") is True
        """Whether the user chose the light colours."""

    @property
    def catalog(self) -> Catalog:
        """All parts, built-in and the user's own."""
        return catalog(tuple(map(Path, self.parts)))  # cached there

    # --- rows -------------------------------------------------------------------------------------------------

    def summaries(self) -> list[Summary]:
        """The rows as last read, newest first; reads them when nobody has yet."""
        if not self._read:
            self.refresh()
        return self._rows

    @property
    def is_read(self) -> bool:
        """Whether the rows were read at least once."""
        return self._read

    def refresh(self, force: bool = True) -> bool:
        """Read the rows again; True when one changed. May be called from any thread.

        Args:
            force: also when the last reading was so slow or so recent that it should rest.
        """
        if not force and time.monotonic() - self._scanned < max(RESCAN_SECONDS, self._cost / SCAN_SHARE):
            return False
        with self._lock:
            began = time.monotonic()
            rows = self._index.rows(self.roots)
            self._scanned = time.monotonic()
            self._cost = self._scanned - began
            changed = rows != self._rows or not self._read
            if not self._read and self.left:
                self._since = Counter(row.status for row in rows if not row.live and row.ended > self.left)
            self._rows, self._read = rows, True
        return changed

    def live(self) -> list[Summary]:
        """Running and queued runs, newest first."""
        return [row for row in self.summaries() if row.live]

    def row(self, run: RunFolder | None) -> Summary | None:
        """The row of a run folder."""
        return next((row for row in self.summaries() if run and row.folder == str(run.path)), None)

    @staticmethod
    def folder(row: Summary) -> RunFolder:
        """The run folder of a row."""
        return RunFolder(Path(row.folder))

    # --- marks ------------------------------------------------------------------------------------------------

    def toggle_mark(self, run: RunFolder) -> None:
        """Mark a run for comparison, or take the mark away."""
        if run in self.marked:
            self.marked.remove(run)
        else:
            self.marked.append(run)

    def edit(self, run: RunFolder) -> None:
        """Let New run open with the recipe of a run. Raises BadInput for a damaged one."""
        self.parts = own_parts(run)
        self.draft = draft_of(run, self.catalog, self.roots)

    def forget(self, run: RunFolder) -> None:
        """Point at a deleted run no longer."""
        self.marked = [marked for marked in self.marked if marked != run]
        self.baseline = None if self.baseline == run else self.baseline
        self.selected = None if self.selected == run else self.selected

    # --- coming and going -------------------------------------------------------------------------------------

    def since_left(self) -> Counter[str]:
        """How many runs had ended in which way when one came back: {"finished": 13, "failed": 1}."""
        self.summaries()
        return self._since

    def remember_leaving(self) -> None:
        """Write down that somebody looked until now. An unwritable folder costs one line next time."""
        try:
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            said = json.dumps({"left": time.time(), "light": self.light})
            write_atomic(self._state_file, said.encode(), durable=False)
        except OSError:
            return


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
