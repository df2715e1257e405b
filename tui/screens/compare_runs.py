"""The runs that Compare shows: which they are, and what is read of them in a thread. `ComparePanes` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from textual import work

from engine.analysis.judged import Judged
from engine.analysis.verdict import Rules
from engine.contract.run.store import RunFolder
from tui.dashboard.options import AXES, X_UNITS_OF_MANY
from tui.screens.compare_reader import CompareReader, stamps
from tui.screens.plot_keys import PlotKeys

TICK_SECONDS: Final = 1.0


class CompareRuns(PlotKeys):
    """A screen that reads the marked runs again whenever they or their files change."""

    def __init__(self) -> None:
        super().__init__()
        self._by_recipe = False
        self._judged: Judged | None = None
        self._reader = CompareReader()
        self._reading = 0
        """Number of the latest reading: an earlier one ends as soon as it sees that."""
        self._stamps: object = None

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def runs_changed(self) -> None:
        """Read again after runs or marks have changed."""
        self._take_saved()
        self._load()

    def _draw(self) -> None:
        raise NotImplementedError

    def _arrange(self) -> None:
        """Divide the screen for another number of runs, then draw."""
        raise NotImplementedError

    def _runs(self) -> list[RunFolder]:
        """The marked runs in the order of their marks, or else the selected run; and always the baseline."""
        workspace = self.workbench.workspace
        runs = list(workspace.marked) or ([workspace.selected] if workspace.selected else [])
        if workspace.baseline is not None and workspace.baseline not in runs:
            runs.append(workspace.baseline)
        return runs

    def _baseline(self) -> RunFolder | None:
        """The baseline; without one, the first run."""
        runs = self._runs()
        return self.workbench.workspace.baseline or (runs[0] if runs else None)

    def _load(self) -> None:
        """Read the runs in a thread; what is known of them stays until then."""
        runs, base = self._runs(), self._baseline()
        self._reading += 1
        self._stamps = stamps(runs)
        if base is None:
            self._judged = None
            self._draw()
        else:
            self._read(runs, base, self._reading)

    @work(thread=True, group="compare", exit_on_error=False)
    def _read(self, runs: Sequence[RunFolder], base: RunFolder, number: int) -> None:
        workspace = self.workbench.workspace
        for found in self._reader.read(runs, base, workspace.summaries(), Rules(workspace.smallest / 100)):
            if number != self._reading:
                return
            self.app.call_from_thread(self._show, found, number)

    def _show(self, found: Judged, number: int) -> None:
        if number == self._reading:
            count = len(self._judged.marked) if self._judged else -1
            self._judged = found
            if len(found.marked) != count:
                self._arrange()
            else:
                self._draw()

    def _tick(self) -> None:
        if self.is_current and stamps(self._runs()) != self._stamps:
            self._load()

    def _take_saved(self) -> None:
        """Take axes and mode from the saved comparison that was opened."""
        workspace = self.workbench.workspace
        found, workspace.comparison = workspace.comparison, None
        if found is None:
            return
        x = next(unit for unit in X_UNITS_OF_MANY if unit == found.x)
        axis = next(style for style in AXES if style == found.axis)
        self._options = replace(self._options, x=x, axis=axis)
        self._by_recipe = found.by_recipe
