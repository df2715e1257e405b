"""The state that the screens share: the runs folders, the selected and marked runs, and the rows of all runs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder, Summary, find, remove, restore, trash_bytes, trash_of
from tui.comparisons import SavedComparison
from tui.drawing.format import counted
from tui.drawing.run_columns import DEFAULT
from tui.marks import RunMarks, Slots, from_table, to_table
from tui.plans.again import own_parts, repeat_of
from tui.plans.draft import Draft
from tui.settings import SMALLEST
from tui.undo import UndoStack
from tui.visit import Visit

RESCAN_SECONDS: Final = 2.0
SCAN_SHARE: Final = 0.03
"""Share of one core that looking for changes may take: slow scans are made less often."""

Start = Callable[[RunFolder], object]


def _start(run: RunFolder) -> None:
    from engine.launch.start import start

    start(run)


class Workspace(RunMarks):
    """The state behind the screens: what the user selected, and a copy of the rows. The files remain authoritative.

    Args:
        roots: folders with runs; new runs go into the first.
        start: starts the supervisor of a run.
        state_file: what a visit leaves for the next (`tui.visit`); by default in the user's state folder.
        index: the cache of rows; by default the user's.
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
        self.baseline: RunFolder | None = None
        self.undo_stack = UndoStack()
        self.draft: Draft | None = None
        """The draft that New run opens with."""
        self.against: RunFolder | None = None
        """The run with which Disagree of Inspect opens; None leaves the tab as it is."""
        self.comparison: SavedComparison | None = None
        """The saved comparison whose axes and mode Compare opens with."""
        self.parts: tuple[str, ...] = ()
        """Files with the user's own parts, which are copied into new runs."""
        self._state_file = state_file or platformdirs.user_state_path("cifar-tui") / "workbench.json"
        self._index = index or Index()
        self._lock = threading.Lock()
        self._rows: list[Summary] = []
        self._scanned = 0.0
        self._cost = 0.0
        self._read = False
        self._since: Counter[str] = Counter()
        before = Visit.read(self._state_file)
        super().__init__(from_table(before.marked, self.roots))
        self.trash = 0
        """Bytes that deleted runs occupy until the trash is emptied."""
        self._trash_changed = 0
        self.smallest = SMALLEST
        """The smallest difference that matters, in points of accuracy."""
        self.picked = before.picked
        """By folder: (place, number) of a run marked while the list was sorted by accuracy, 1 for the best of them."""
        self.left = before.left
        """When the workbench was last left, Unix seconds; 0 if never."""
        self.theme = before.theme
        """Name of the colors that the user chose."""
        self.columns = DEFAULT if before.columns is None else frozenset(before.columns)
        """Keys of the columns that Results shows where they fit."""

    @property
    def catalog(self) -> Catalog:
        """All parts, built-in and the user's own."""
        return catalog(tuple(map(Path, self.parts)))  # which caches it

    # --- rows -------------------------------------------------------------------------------------------------

    def summaries(self) -> list[Summary]:
        """The rows as last read, newest first; the first call reads them."""
        if not self._read:
            self.refresh()
        return self._rows

    @property
    def is_read(self) -> bool:
        """Whether the rows were read at least once."""
        return self._read

    def refresh(self, force: bool = True) -> bool:
        """Read the rows again and return whether any changed. May be called from any thread.

        Args:
            force: read even if the last reading is too recent, or was too slow to be repeated so soon.
        """
        if not force and time.monotonic() - self._scanned < max(RESCAN_SECONDS, self._cost / SCAN_SHARE):
            return False
        with self._lock:
            began = time.monotonic()
            rows = self._index.rows(self.roots)
            changed = self._measure_trash()
            self._scanned = time.monotonic()
            self._cost = self._scanned - began
            changed = changed or rows != self._rows or not self._read
            if not self._read and self.left:
                self._since = Counter(row.status for row in rows if not row.live and row.ended > self.left)
            self._rows, self._read = rows, True
        return changed

    def _measure_trash(self) -> bool:
        """Measure the trash again if its content changed, and return whether it did."""
        trash = trash_of(self.roots[0])
        try:
            stamp = 0 if trash.is_symlink() else trash.stat().st_mtime_ns
        except OSError:  # nothing has been deleted yet
            stamp = 0
        if stamp == self._trash_changed:
            return False
        self._trash_changed, self.trash = stamp, trash_bytes(self.roots[0]) if stamp else 0
        return True

    def live(self) -> list[Summary]:
        """Running and queued runs, newest first."""
        return [row for row in self.summaries() if row.live]

    def row(self, run: RunFolder | None) -> Summary | None:
        """The row of a run folder; None if it is not among the rows as last read."""
        return next((row for row in self.summaries() if run and row.folder == str(run.path)), None)

    @staticmethod
    def folder(row: Summary) -> RunFolder:
        """The run folder of a row."""
        return RunFolder(Path(row.folder))

    # --- marks ------------------------------------------------------------------------------------------------

    def toggle_mark(self, run: RunFolder) -> None:
        """Mark a run for comparison, or unmark it."""
        if run in self.marked:
            self.mark([marked for marked in self.marked if marked != run], f"unmarked {run.id[-4:]}")
        else:
            self.mark([*self.marked, run], f"marked {run.id[-4:]}")

    def mark(self, runs: Sequence[RunFolder], description: str) -> None:
        """Mark these runs and no others; `description` says what that changed."""
        before = self._slots
        self.marked = list(runs)
        self._save(self.left)
        # Mentions `*` because `u` used to remove all marks.
        self.undo_stack.push(f"{description} (* removes all marks)", lambda: self._mark_again(before))

    def _mark_again(self, slots: Slots) -> None:
        self._slots = slots
        self._save(self.left)

    def toggle_baseline(self, run: RunFolder) -> None:
        """Make a run the baseline of all differences, or have none if it is that already."""
        before = self.baseline
        self.baseline = None if before == run else run
        what = f"baseline {run.id[-4:]}" if self.baseline else "no baseline"
        self.undo_stack.push(what, lambda: setattr(self, "baseline", before))

    def show_comparison(self, saved: SavedComparison) -> list[str]:
        """Mark the runs of a saved comparison, with its baseline.

        Returns:
            The ids of runs that are in no runs folder any more.
        """
        runs, missing = [], []
        for run in saved.runs:
            try:
                runs.append(find(self.roots, run))
            except BadInput:
                missing.append(run)
        before = self.baseline
        self.mark(runs, f"comparison {saved.name}")
        base = saved.baseline or saved.runs[0]
        self.baseline = next((run for run in runs if run.id == base), None)
        self.undo_stack.push(f"baseline of {saved.name}", lambda: setattr(self, "baseline", before))
        self.comparison = saved
        return missing

    def choose_columns(self, columns: frozenset[str]) -> None:
        """Show these columns in Results from now on."""
        self.columns = columns
        self._save(self.left)

    def edit(self, run: RunFolder) -> None:
        """Make the recipe of a run the draft of New run. Raises BadInput if the run is damaged."""
        self.parts = own_parts(run)
        self.draft = repeat_of(run, self.catalog, self.roots).draft

    # --- deleting ---------------------------------------------------------------------------------------------

    def delete(self, runs: Sequence[RunFolder]) -> tuple[list[RunFolder], list[str]]:
        """Move runs to the trash and unmark them; `u` restores all runs of one call together.

        Returns:
            The runs that were moved, and the reasons why others were not.
        """
        before = (self._slots, self.baseline, self.selected)
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
            self.undo_stack.push(f"deleted {counted(len(gone), 'run')}", lambda: self._undelete(gone, *before))
        return gone, problems

    def _undelete(
        self,
        runs: Sequence[RunFolder],
        slots: Slots,
        baseline: RunFolder | None,
        selected: RunFolder | None,
    ) -> None:
        problems: list[str] = []
        for run in runs:
            try:
                restore(RunFolder(trash_of(self.roots[0]) / run.id), self.roots)
            except BadInput as error:
                problems += error.problems
        self._slots, self.baseline, self.selected = slots, baseline, selected
        if problems:
            raise BadInput(problems)

    # --- the last visit ---------------------------------------------------------------------------------------

    def since_left(self) -> Counter[str]:
        """Runs that ended between the last visit and this one, by status: {"finished": 13, "failed": 1}."""
        self.summaries()
        return self._since

    def remember_leaving(self) -> None:
        """Save the time as that of the last visit."""
        self._save(time.time())

    def _save(self, left: float) -> None:
        """Save what the next visit begins with."""
        columns = None if self.columns == DEFAULT else sorted(self.columns)
        marked = {str(run.path) for run in self._slots}
        self.picked = {folder: rank for folder, rank in self.picked.items() if folder in marked}
        Visit(left, self.theme, to_table(self._slots), columns, self.picked).write(self._state_file)
