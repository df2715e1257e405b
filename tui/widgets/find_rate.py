"""The learning-rate sweep of a draft, drawn beside its form while it runs. Its process ends with the widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message as UiMessage

from engine.analysis.lr_curve import MOST_STEPS
from engine.contract.errors import BadInput
from engine.contract.run.events import Event, Failed
from engine.contract.text import one_line
from engine.launch.sweep import Sweep
from tui.drawing.charts import Chart
from tui.drawing.lines import Line, heading, wrap
from tui.drawing.rate_chart import TITLE, rate_chart, sweep_chart
from tui.plans.draft import Draft
from tui.plans.sweep import SweepPlan, SweepProgress, suggestions, text_of
from tui.widgets.pane import Pane

REDRAW_SECONDS: Final = 0.2


class FindRate(Vertical):
    """Runs one sweep at a time. The screen decides which of its rates is used, and by which key."""

    class Received(UiMessage):
        """The sweep emitted an event or, with None, has ended."""

        def __init__(self, sweep: int, event: Event | None) -> None:
            super().__init__()
            self.sweep = sweep
            self.event = event

    class Ready(UiMessage):
        """The checks have passed and the sweep starts."""

        def __init__(self, sweep: int, job: SweepPlan) -> None:
            super().__init__()
            self.sweep = sweep
            self.job = job

    class Changed(UiMessage):
        """The sweep has started, ended or been closed, so that other keys apply now."""

    def __init__(self) -> None:
        super().__init__(id="rate")
        self.display = False
        self.draft: Draft | None = None
        """The draft of the sweep, as it was when the sweep started; None without a sweep."""
        self.running = False
        self._count = 0  # number of the current sweep: events of earlier ones are ignored
        self._sweep: Sweep | None = None
        self._job: SweepPlan | None = None
        self._progress = SweepProgress()
        self._stale = self._dirty = False
        self.curve = self._progress.curve()
        """The curve of the steps drawn so far; of all steps once the sweep has ended."""

    def compose(self) -> ComposeResult:
        yield Pane(id="curve")
        yield Pane(self._verdict, id="verdict")

    def on_mount(self) -> None:
        self.set_interval(REDRAW_SECONDS, self._redraw)

    def on_unmount(self) -> None:
        self._stop()

    # --- the result -------------------------------------------------------------------------------------------

    @property
    def found(self) -> bool:
        """Whether there is a rate to take. Only at the end, because an early result may still change."""
        return self.draft is not None and not self.running and self._progress.failed is None and self.curve.found

    @property
    def more(self) -> int:
        """How many steps to try next after a sweep that found nothing; 0 if no such sweep is shown."""
        ended = self.draft is not None and not self.running and self._progress.failed is None
        return min(2 * len(self._progress.rates), MOST_STEPS) if ended and not self._stale else 0

    @property
    def charts(self) -> list[Chart]:
        """The losses drawn so far; none before a sweep has begun."""
        if self._job is None or self.draft is None:
            return []
        return [sweep_chart(self.curve, self._job.span.low, self._job.span.high)]

    # --- starting and ending ----------------------------------------------------------------------------------

    def start(self, draft: Draft, check: Callable[[], SweepPlan]) -> None:
        """Start a sweep, replacing any other.

        Args:
            check: makes the job, or raises BadInput. Called in a thread, because it may download data.
        """
        self._stop()
        self._count += 1
        self.draft, self.running, self._progress, self._job = draft, True, SweepProgress(), None
        self.display = True
        self._show()
        self.post_message(self.Changed())
        self._follow(self._count, check)

    def close(self) -> None:
        """End the sweep and hide it."""
        self._stop()
        self._count += 1
        self.draft, self.running, self._stale = None, False, False
        self.display = False
        self.post_message(self.Changed())

    def compare(self, draft: Draft) -> None:
        """Show a note if the form has changed since the sweep started."""
        stale = self.draft is not None and draft != self.draft
        if stale != self._stale:
            self._stale = stale
            self._show()

    def _stop(self) -> None:
        if self._sweep is not None:
            self._sweep.stop()
            self._sweep = None

    @work(thread=True, group="find_rate", exit_on_error=False)
    def _follow(self, count: int, check: Callable[[], SweepPlan]) -> None:
        """Check, start, and pass on every event."""
        try:
            job = check()
        except BadInput as error:
            self.post_message(self.Received(count, Failed(reason="bad_input", message="; ".join(error.problems))))
            self.post_message(self.Received(count, None))
            return
        sweep = job.start()
        if count != self._count:  # it was closed in the meantime
            sweep.stop()
            return
        self._sweep = sweep
        self.post_message(self.Ready(count, job))
        for event in sweep.events():
            self.post_message(self.Received(count, event))
        self.post_message(self.Received(count, None))

    def on_find_rate_ready(self, message: Ready) -> None:
        if message.sweep == self._count:
            self._job, self._progress = message.job, SweepProgress(message.job.guessing)
            self._show()

    def on_find_rate_received(self, message: Received) -> None:
        if message.sweep != self._count:
            return
        if message.event is not None:
            self._progress.take(message.event)
            self._dirty = True
        else:
            self.running = False
            self._show()
            self.post_message(self.Changed())

    # --- drawing ----------------------------------------------------------------------------------------------

    def _redraw(self) -> None:
        """Redraw a few times a second, because a GPU makes hundreds of steps in one."""
        if self._dirty:
            self._show()

    def _show(self) -> None:
        self._dirty, self.curve = False, self._progress.curve()
        curve, job, pane = self.curve, self._job, self.query_one("#curve", Pane)
        if job is None:
            pane.paint(lambda width, height: [heading(TITLE, width)])
        else:
            low, high = job.span.low, job.span.high
            pane.paint(lambda width, height: rate_chart(curve, low, high, width, height, pane.glyphs))
        self.query_one("#verdict", Pane).redraw()

    def _verdict(self, width: int, height: int) -> list[Line]:
        """The state of the sweep, then its result, each in as many lines as needed."""
        texts: list[tuple[str, str]] = []
        if self._job is not None and self._job.place.busy:
            texts.append((f"{self._job.place.busy}: both will be slower", "warn"))
        if self._stale:
            texts.append(("the form has changed since this sweep started", "warn"))
        failed = self._progress.failed
        if failed is not None:
            texts.append((one_line(failed.message, 1000), "bad"))
        elif self.running:
            texts.append((one_line(self._progress.state), ""))
        elif self.found:
            texts += [(line, "strong" if i == 0 else "") for i, line in enumerate(suggestions(self.curve))]
        else:
            again = f"f tries {self.more} steps instead" if self.more else "f tries again"
            texts += [(line, "") for line in (*suggestions(self.curve), again)]
        lines: list[Line] = [[(f" {part}", role)] for text, role in texts for part in wrap(text, width - 2)]
        return lines[:height]

    def pairs(self) -> list[tuple[str, str]]:
        """The keys that act on the sweep, for the key line."""
        if self.draft is None:
            return []
        taking = []
        if self.found:
            taking = [("f", f"use {text_of(self.curve.suggestion)} or {text_of(self.curve.second)}")]
        return [*taking, ("esc", "end the sweep" if self.running else "close the sweep")]
