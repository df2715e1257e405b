"""Find rate: the sweep of a draft's learning rate, drawn while it goes. Its process ends with the screen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as UiMessage
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.analysis.lr_curve import Curve, fold
from engine.contract.errors import BadInput
from engine.contract.events import Event, Failed, Message, Phase, Step
from engine.contract.text import one_line
from engine.launch.sweep import Sweep
from tui.format import learning_rate, number
from tui.key_tables.key import Key
from tui.keys import bindings
from tui.lines import Line, wrap
from tui.rate_chart import picture
from tui.rate_sweep import Job, Span, text_of, verdict
from tui.widgets.pane import Pane

KEYS = (
    Key("enter", "take", "take", "Put the suggested rate into the form."),
    Key("t", "take_tenth", "a tenth", "Put a tenth of the rate with the lowest loss into the form."),
    Key("q,escape", "cancel", "close", "End the sweep and change nothing."),
)


class FindRate(ModalScreen[str | None]):
    """Sweeps and shows; dismisses with the rate that was taken, as typed into a form, or None.

    Args:
        check: makes the job, or raises BadInput; called in a thread, because it may ask mirrors for data.
        span: the rates that the job tries.
    """

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    class Told(UiMessage):
        """The sweep said something."""

        def __init__(self, event: Event) -> None:
            super().__init__()
            self.event = event

    class Done(UiMessage):
        """The sweep has ended."""

    def __init__(self, check: Callable[[], Job], span: Span) -> None:
        super().__init__()
        self._check, self._span = check, span
        self._sweep: Sweep | None = None
        self._closed = self._ended = False
        self._rates: list[float] = []
        self._losses: list[float] = []
        self._state = "preparing"
        self._busy = self._problem = ""
        self._guessing = math.inf

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall"):
            yield Pane(id="curve")
            yield Pane(id="verdict")
            yield Static("", classes="dialog-keys")

    def on_mount(self) -> None:
        self._show()
        self._follow()

    def on_unmount(self) -> None:
        self._closed = True
        if self._sweep is not None:
            self._sweep.stop()

    @work(thread=True, group="find_rate", exit_on_error=False)
    def _follow(self) -> None:
        """Check, start, and pass on all that it says."""
        try:
            job = self._check()
        except BadInput as error:
            self.post_message(self.Told(Failed(reason="bad_input", message="; ".join(error.problems))))
            self.post_message(self.Done())
            return
        self._busy, self._guessing = job.place.busy, job.guessing
        self._sweep = job.start()
        if self._closed:
            self._sweep.stop()
        for event in self._sweep.events():
            self.post_message(self.Told(event))
        self.post_message(self.Done())

    def on_find_rate_told(self, message: Told) -> None:
        match message.event:
            case Step() as step:
                self._rates.append(step.lr)
                self._losses.append(step.loss)
                at = f"step {step.step} of {self._span.steps}"
                self._state = f"{at} · rate {learning_rate(step.lr)} · loss {number(step.loss)}"
            case Phase() as phase:
                self._state = f"{phase.name}{': ' if phase.note else ''}{phase.note}"
            case Message() as said:
                self._state = said.text
            case Failed() as failed:
                self._problem = failed.message
        self._show()

    def on_find_rate_done(self) -> None:
        self._ended = True
        self._show()

    def _curve(self) -> Curve:
        return fold(self._rates, self._losses, self._guessing)

    # --- drawing ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        curve, span, pane = self._curve(), self._span, self.query_one("#curve", Pane)
        pane.paint(lambda width, height: picture(curve, span, width, height, pane.glyphs))
        self.query_one("#verdict", Pane).paint(self._verdict)
        taking = self._ended and curve.found
        take = f"enter take {text_of(curve.suggestion)}   t take {text_of(curve.tenth)}   " if taking else ""
        self.query_one(".dialog-keys", Static).update(Content(f"{take}q close"))

    def _verdict(self, width: int, height: int) -> list[Line]:
        """What is going on, then what came of it."""
        if self._problem:
            return [[(f" {part}", "bad")] for part in wrap(one_line(self._problem, 1000), width - 1)[:height]]
        lines: list[Line] = [[(f" {one_line(self._busy)}: both are slower meanwhile", "warn")]] if self._busy else []
        lines.append([(f" {one_line(self._state)}", "dim")])
        if self._ended:
            found = verdict(self._curve())
            lines += [[(f" {line}", "strong" if i == 0 else "")] for i, line in enumerate(found)]
        return lines[:height]

    # --- acting -----------------------------------------------------------------------------------------------

    def action_take(self) -> None:
        """Only once it is known: what has come so far may still change."""
        curve = self._curve()
        if self._ended and curve.found:
            self.dismiss(text_of(curve.suggestion))

    def action_take_tenth(self) -> None:
        curve = self._curve()
        if self._ended and curve.found:
            self.dismiss(text_of(curve.tenth))

    def action_cancel(self) -> None:
        self.dismiss(None)
