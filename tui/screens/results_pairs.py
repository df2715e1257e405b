"""How the rows of Results in sight differ from the baseline on the same images: read in a thread, once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import work
from textual.timer import Timer

from engine.contract.run.store import Summary
from tui.drawing.interval_cells import scale_of
from tui.drawing.run_columns import Marks
from tui.screens.results_preview import ONE_READER, REST_SECONDS
from tui.screens.run_keys import RunKeys
from tui.widgets.run_list import RunList

if TYPE_CHECKING:
    from engine.analysis.against import Against
    from engine.analysis.against_files import AgainstBaseline


class PairedRows(RunKeys):
    """A screen with the table of runs, whose marks hold the differences that were read so far."""

    def __init__(self) -> None:
        super().__init__()
        self._marks = Marks()
        self._against: AgainstBaseline | None = None
        self._pairing = 0
        """Number of the latest reading: an earlier one ends as soon as it sees that."""
        self._rest: Timer | None = None

    def _differences_read(self) -> None:
        """Called when `_marks` holds more differences than before."""
        raise NotImplementedError

    def _pair_soon(self) -> None:
        """Compare the rows in sight with the baseline once the cursor rests."""
        if self._rest is not None:
            self._rest.stop()
        if self._marks.baseline is not None:
            self._rest = self.set_timer(REST_SECONDS, self._pair)

    def _pair(self) -> None:
        if self._marks.baseline is not None:
            self._pairing += 1
            self._read_pairs(self.query_one(RunList).in_sight, self._marks.baseline, self._pairing)

    @work(thread=True, group="pairs", exit_on_error=False)
    def _read_pairs(self, runs: Sequence[Summary], base: Summary, number: int) -> None:
        """Read the predictions of these runs, unless they are known, until others are asked for."""
        from engine.analysis.against_files import AgainstBaseline  # imports NumPy, so only after the first paint

        self._against = self._against or AgainstBaseline()
        found: dict[str, Against] = {}
        for run in runs:
            if number != self._pairing:
                return
            if run.folder != base.folder:
                with ONE_READER:
                    found[run.folder] = self._against.read(run, base)
        self.app.call_from_thread(self._show_pairs, found, base)

    def _show_pairs(self, found: dict[str, Against], base: Summary) -> None:
        marks = self._marks
        if marks.baseline is not None and marks.baseline.folder == base.folder:
            scale = scale_of(one.interval for one in found.values())
            self._marks = replace(marks, against={**marks.against, **found}, scale=scale)
            self._differences_read()
