"""The preview of Results: what is known of the run under the cursor, below the table or at its right."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from textual import work
from textual.message import Message
from textual.timer import Timer

from engine.contract.run.store import Summary
from tui.drawing.lines import Line, nothing
from tui.drawing.run_columns import Marks
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.drawing.run_preview import PreviewValues
    from tui.screens.preview_reader import Reader

REST_SECONDS: Final = 0.15
"""How long the cursor rests on a run before its events are read."""
ONE_READER: Final = threading.Lock()
"""Held by the thread that reads files for Results. The catalog and NumPy's file headers are both read with `ast`, and
CPython before 3.12 may raise SystemError when two threads do so at the same time (python/cpython#106905)."""
NOTHING: Final = "no run is under the cursor"


class RunPreview(Pane):
    """Reads the events of one run in a thread, and only once the cursor has come to rest on it."""

    class Shown(Message):
        """Another run is shown, or its figures have changed."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self._timer: Timer | None = None
        self._reader: Reader | None = None
        self._wanted: tuple[Summary, Summary | None] | None = None
        self._read: tuple[Summary, Summary | None] | None = None
        self._marks = Marks()
        self._shown: PreviewValues | None = None
        self.has_chart = True
        """Whether the curve is drawn here; else it stands below the table."""
        self.is_side = False
        """Whether the pane stands at the right of the table and has its whole height."""

    def show_run(self, run: Summary | None, marks: Marks) -> None:
        """Show a run as soon as no other run is asked for; None clears the pane."""
        self._wanted = (run, marks.baseline) if run else None
        self.set_marks(marks)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(REST_SECONDS, self._load)

    def set_marks(self, marks: Marks) -> None:
        """Show the same run with other marks and differences."""
        if marks != self._marks:
            self._marks = marks
            self.redraw()

    def _load(self) -> None:
        if self._wanted is None:
            self._read = self._shown = None
            self.paint(nothing)
            self.post_message(self.Shown())
        elif self._wanted != self._read:
            self._read = self._wanted
            self._load_run(*self._wanted)

    @work(thread=True, group="preview", exit_on_error=False)
    def _load_run(self, run: Summary, baseline: Summary | None) -> None:
        from tui.screens.preview_reader import Reader  # imports NumPy, so only after the first paint

        self._reader = self._reader or Reader()
        with ONE_READER:
            preview = self._reader.read(run, baseline)
        self.app.call_from_thread(self._show, preview)

    def _show(self, preview: PreviewValues) -> None:
        if self._wanted is not None and self._wanted[0].id == preview.run.id:  # else the cursor has moved on
            self._shown = preview
            self.paint(self._draw)
            self.post_message(self.Shown())

    def _draw(self, width: int, height: int) -> list[Line]:
        from tui.drawing.run_preview import below
        from tui.drawing.run_side import side

        preview = self._shown
        if preview is None:
            return [[(NOTHING, "dim")]]
        if self.is_side:
            return side(preview, self._marks, width, height, self.glyphs, chart=self.has_chart)
        return below(preview, self._marks, width, height, self.glyphs)

    def below_table(self, width: int, height: int) -> list[Line]:
        """What has no place here, for the space below a short table: the curve of the run, or its recipe."""
        from tui.drawing.run_preview import curve_pane
        from tui.drawing.run_side import recipe_pane

        if self._shown is None:
            return []
        if self.has_chart:
            return recipe_pane(self._shown, width, height)
        return curve_pane(self._shown, self._marks, width, height, self.glyphs)
