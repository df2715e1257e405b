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

from engine.contract.errors import BadInput
from engine.contract.files import read_json, write_atomic
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder, Summary, remove, restore, trash_bytes, trash_of
from tui.drawing.format import counted
from tui.plans.again import draft_of, own_parts
from tui.plans.draft import Draft
from tui.undo import Acts

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
        self.acts = Acts()
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
        self.trash = 0
        """Bytes that deleted runs take until the trash is emptied."""
        self._trash_changed = 0
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
            changed = self._weigh_trash()
            self._scanned = time.monotonic()
            self._cost = self._scanned - began
            changed = changed or rows != self._rows or not self._read
            if not self._read and self.left:
                self._since = Counter(row.status for row in rows if not row.live and row.ended > self.left)
            self._rows, self._read = rows, True
        return changed

    def _weigh_trash(self) -> bool:
        """Look how much the trash holds, where runs came or went since; whether they did."""
        trash = trash_of(self.roots[0])
        try:
            stamp = 0 if trash.is_symlink() else trash.stat().st_mtime_ns
        except OSError:  # nothing was ever deleted
            stamp = 0
        if stamp == self._trash_changed:
            return False
        self._trash_changed, self.trash = stamp, trash_bytes(self.roots[0]) if stamp else 0
        return True

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
            self.mark([marked for marked in self.marked if marked != run], f"unmarked {run.id[-4:]}")
        else:
            self.mark([*self.marked, run], f"marked {run.id[-4:]}")

    def mark(self, runs: Sequence[RunFolder], words: str) -> None:
        """Let just these runs be marked; `words` say what that changed."""
        before = self.marked
        self.marked = list(runs)
        # for one version: `u` removed all marks before
        self.acts.did(f"{words} (* removes all marks)", lambda: self._mark_again(before))

    def _mark_again(self, runs: Sequence[RunFolder]) -> None:
        self.marked = list(runs)

    def edit(self, run: RunFolder) -> None:
        """Let New run open with the recipe of a run. Raises BadInput for a damaged one."""
        self.parts = own_parts(run)
        self.draft = draft_of(run, self.catalog, self.roots)

    # --- deleting ---------------------------------------------------------------------------------------------

    def delete(self, runs: Sequence[RunFolder]) -> tuple[list[RunFolder], list[str]]:
        """Move runs into the trash and point at them no longer; `u` brings back those of one call together.

        Returns:
            The runs that were moved, and why others were not.
        """
        before = (self.marked, self.baseline, self.selected)
        gone: list[RunFolder] = []
        problems: list[str] = []
        for run in runs:
            try:
                remove(run, self.roots)
                gone.append(run)
            except BadInput as error:
                problems += error.problems
        if gone:
            self.marked = [run for run in self.marked if run not in gone]
            self.baseline = None if self.baseline in gone else self.baseline
            self.selected = None if self.selected in gone else self.selected
            self.acts.did(f"deleted {counted(len(gone), 'run')}", lambda: self._undelete(gone, *before))
        return gone, problems

    def _undelete(
        self,
        runs: Sequence[RunFolder],
        marked: list[RunFolder],
        baseline: RunFolder | None,
        selected: RunFolder | None,
    ) -> None:
        problems: list[str] = []
        for run in runs:
            try:
                restore(RunFolder(trash_of(self.roots[0]) / run.id), self.roots)
            except BadInput as error:
                problems += error.problems
        self.marked, self.baseline, self.selected = marked, baseline, selected
        if problems:
            raise BadInput(problems)

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
