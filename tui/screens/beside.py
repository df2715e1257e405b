"""The runs that the Dashboard shows beside the selected one: the baseline with its seeds, and a second run."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work

from engine.analysis.standing import Standing
from engine.contract.run.store import RunFolder
from tui.dashboard.layout import WIDEST
from tui.dashboard.seeds import seeds_of
from tui.dashboard.view import RunView
from tui.screens.run_keys import SelectedRunKeys


class BesideRuns(SelectedRunKeys):
    """A screen that shows other runs beside the selected one. Long histories are read in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._view: RunView | None = None
        self._baseline: RunView | None = None
        self._siblings: list[Standing] = []
        self._second: RunView | None = None

    def _draw(self) -> None:
        """Draw the screen after more of a run has been read."""
        raise NotImplementedError

    def _choose_beside(self) -> None:
        """Follow the choice of the baseline and of the runs that live."""
        workspace = self.workbench.workspace
        if workspace.baseline is None:
            self._baseline, self._siblings = None, []
        elif self._baseline is None or self._baseline.run != workspace.baseline:
            self._baseline = RunView(workspace.baseline, tail=True)
            self._read_baseline(workspace.baseline)
        self._choose_second()

    # --- the baseline -----------------------------------------------------------------------------------------

    @work(thread=True, group="baseline", exclusive=True, exit_on_error=False)
    def _read_baseline(self, run: RunFolder) -> None:
        """Read the whole history of the baseline, then the other seeds of its recipe."""
        view = RunView(run)
        view.poll()
        self.app.call_from_thread(self._show_baseline, view, ())
        siblings = seeds_of(view, self.workbench.workspace.summaries())
        self.app.call_from_thread(self._show_baseline, view, siblings)

    def _show_baseline(self, view: RunView, siblings: Sequence[Standing]) -> None:
        if self.workbench.workspace.baseline == view.run:
            self._baseline, self._siblings = view, list(siblings)
            self._draw()

    # --- the second run ---------------------------------------------------------------------------------------

    def _choose_second(self) -> None:
        """Read the run beside: the newest other one that is running, else the baseline, else the newest other run."""
        workspace = self.workbench.workspace
        if self._view is None or self.app.size.width < WIDEST:
            self._second = None
            return
        own = str(self._view.run.path)
        rows = [row for row in workspace.summaries() if row.folder != own and row.epoch]
        running = [workspace.folder(row) for row in rows if row.status == "running"]
        compared = [workspace.baseline] if workspace.baseline not in (None, self._view.run) else []
        chosen = next(iter([*running, *compared, *map(workspace.folder, rows)]), None)
        if chosen is None:
            self._second = None
        elif self._second is None or self._second.run != chosen:
            self._second = RunView(chosen, tail=True)
            self._second.poll()
            if self._second.history.partial:
                self._read_second(chosen)

    @work(thread=True, group="second", exclusive=True, exit_on_error=False)
    def _read_second(self, run: RunFolder) -> None:
        view = RunView(run)
        view.poll()
        self.app.call_from_thread(self._show_second, view)

    def _show_second(self, view: RunView) -> None:
        if self._second is not None and self._second.run == view.run:
            self._second = view
            self._draw()
