"""The lower pane of Results: a small chart and the most important facts of the run under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import work
from textual.timer import Timer

from engine.contract.run.store import RunFolder, Summary
from tui.drawing.lines import nothing
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.drawing.run_preview import Preview
    from tui.screens.preview_reader import Reader

REST_SECONDS: Final = 0.12
"""How long the cursor rests on a run before its events are read."""


class RunPreview(Pane):
    """Reads the events of one run in a thread, and only once the cursor has come to rest on it."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self._timer: Timer | None = None
        self._reader: Reader | None = None
        self._wanted: tuple[Summary, RunFolder] | None = None
        self._read: Summary | None = None

    def show_run(self, run: tuple[Summary, RunFolder] | None) -> None:
        """Show a run's row and folder as soon as no other run is asked for; None clears the pane."""
        self._wanted = run
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REST_SECONDS, self._load)

    def _load(self) -> None:
        if self._wanted is None:
            self._read = None
            self.paint(nothing)
        elif self._wanted[0] != self._read:
            self._read = self._wanted[0]
            self._load_run(*self._wanted)

    @work(thread=True, group="preview", exit_on_error=False)
    def _load_run(self, row: Summary, folder: RunFolder) -> None:
        from tui.screens.preview_reader import Reader  # imports NumPy, so only after the first paint

        self._reader = self._reader or Reader()
        self.app.call_from_thread(self._show, self._reader.read(row, folder))

    def _show(self, preview: Preview) -> None:
        if self._wanted is not None and self._wanted[0].id == preview.run.id:  # else the cursor has moved on
            self.paint(lambda width, height: preview.draw(width, height, self.glyphs))
