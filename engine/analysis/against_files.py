"""Runs against one baseline, read once for each file of predictions.

Reading two files takes some milliseconds, which is too long for a table of ten thousand runs: a screen asks for the
rows that it shows, from a thread.
"""

from __future__ import annotations

import threading
from pathlib import Path

from engine.analysis.against import Against
from engine.analysis.pairing import Answers, Unpaired, answers, pair
from engine.contract.run.folder import RunFolder
from engine.contract.run.summary import Summary

Identity = tuple[str, int, int, int]


class AgainstBaseline:
    """Compares runs with a baseline and remembers the results by the identity of both files.

    May be used from several threads; they take turns.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Identity | None = None
        self._baseline: Answers | Unpaired = Unpaired("no baseline")
        self._known: dict[Identity, Against] = {}

    def read(self, run: Summary, baseline: Summary) -> Against:
        """A run against the baseline. Never raises."""
        with self._lock:
            base_file = identity(baseline)
            if base_file != self._of:
                self._of, self._baseline, self._known = base_file, answers(baseline), {}
            file = identity(run)
            if file not in self._known:
                self._known[file] = self._compare(run)
            return self._known[file]

    def _compare(self, run: Summary) -> Against:
        if isinstance(self._baseline, Unpaired):
            return Against(why=f"the baseline: {self._baseline.reason}")
        mine = answers(run)
        found = mine if isinstance(mine, Unpaired) else pair(mine, self._baseline)
        if isinstance(found, Unpaired):
            return Against(why=found.reason)
        counts = found.counts
        return Against(counts.difference, counts.interval(), counts.won, counts.lost, counts.images)


def identity(run: Summary) -> Identity:
    """What changes whenever the predictions of a run, or its right to be compared, do; zeros without a file."""
    if run.status != "finished":
        return run.folder, 0, 0, 0
    try:
        status = RunFolder(Path(run.folder)).predictions.stat(follow_symlinks=False)
    except OSError:
        return run.folder, 0, 0, 0
    return run.folder, status.st_mtime_ns, status.st_size, status.st_ino
