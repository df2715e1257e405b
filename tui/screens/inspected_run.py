"""The run that Inspect shows: which one it is, and what is read of it in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import work

from engine.contract.run.store import RunFolder
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.view import RunView
from tui.inspection.facts import Facts, read_facts
from tui.inspection.tab import Tab
from tui.screens.neighbors import neighbor
from tui.screens.results_preview import ONE_READER
from tui.screens.section import Section

TICK_SECONDS: Final = 1.0


class InspectedRun(Section):
    """A screen that shows the selected run, and reads it again whenever it or the marks change."""

    def __init__(self) -> None:
        super().__init__()
        self._tabs: Sequence[Tab] = ()
        self._facts: Facts | None = None
        self._on = ""
        """The further test set that the tabs show; "" for the test set."""
        self._beside: tuple[dict[str, int | None], RunFolder | None] = ({}, None)
        """The slots of the marked runs and the baseline when the run was last read."""
        self._top = 0
        """How many lines of the tab are scrolled away."""

    def on_mount(self) -> None:
        self.set_interval(TICK_SECONDS, self._tick)

    def runs_changed(self) -> None:
        self._choose_run(again=True)

    def _draw(self) -> None:
        raise NotImplementedError

    def _choose_run(self, again: bool = False) -> None:
        """Show the selected run, or the first one in the list of Results.

        Args:
            again: read it again if it is shown already, because its row has changed.
        """
        workspace = self.workbench.workspace
        if workspace.selected is None:
            workspace.selected = neighbor(workspace, None, 0)
        run, view = workspace.selected, self._facts.view if self._facts else None
        if run is None:
            self._facts = None
            self._draw()
        elif view is None or view.run != run:
            self._read(RunView(run))
        elif again or (workspace.slots, workspace.baseline) != self._beside:
            self._read(view)
        self._beside = dict(workspace.slots), workspace.baseline

    def _slots(self, run: RunFolder) -> list[int | None]:
        """The slots of the run and of the other marked ones."""
        workspace = self.workbench.workspace
        return workspace.slots_of([run, *(other for other in workspace.marked if other != run)])

    @work(thread=True, group="inspect", exclusive=True, exit_on_error=False)
    def _read(self, view: RunView) -> None:
        workspace = self.workbench.workspace
        row = workspace.row(view.run)
        if row is None:  # removed meanwhile
            return
        marked = [run for run in workspace.marked if run != view.run]
        others = [other for run in marked if (other := workspace.row(run)) is not None]
        looks = [
            CurveStyle.of(slot, run.id) for slot, run in zip(self._slots(view.run), [view.run, *marked], strict=True)
        ]
        with ONE_READER:
            baseline = workspace.row(workspace.baseline)
            facts = read_facts(view, row, workspace.summaries(), others, looks, baseline, self._on)
        self.app.call_from_thread(self._show, facts)

    def _show(self, facts: Facts) -> None:
        if facts.view.run != self.workbench.workspace.selected:
            return
        if self._facts is None or (self._facts.view.run, self._facts.on) != (facts.view.run, facts.on):
            self._top = 0
            for tab in self._tabs:
                tab.forget()
        self._facts = facts
        self._draw()

    def _tick(self) -> None:
        """Read what a live run has written since."""
        if self.is_current and self._facts is not None and self._facts.view.poll():
            self._read(self._facts.view)
