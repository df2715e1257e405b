"""The course of a run: the one fold of its events that supplies every listing, screen and report with figures.

It does no I/O: events go in, in the order of the file, and facts come out. The readers of the file are `RunFold`, for
the row of a listing, and `engine.analysis.history.History`, for curves.
"""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Event,
    Failed,
    Finished,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
)
from engine.contract.run.work import Kind, WorkClock
from engine.contract.values import MOST_EPOCHS

LARGEST_EPOCH: Final = MOST_EPOCHS  # a larger number is garbage
RECENT: Final = 5  # epochs from which the duration of the next one is estimated
IN_THE_LOOP: Final = ("compiling", "training", "evaluating", "saving")
"""Phases of the training itself; all others come before it."""


class Course:
    """The facts of a run so far. Taking the same events again changes nothing: a repeated epoch counts once.

    Epochs trained after the checkpoint from which a later attempt resumes are dropped.
    """

    def __init__(self) -> None:
        self.begun = 0.0
        """When the first attempt began, in seconds since 1970; 0 before that."""
        self.started: RunStarted | None = None
        """The start event of the newest attempt."""
        self.phase: Phase | None = None
        self.closing: Finished | Stopped | Failed | None = None
        """The trainer's closing event, if no later attempt has begun."""
        self.resumes: list[Resumed] = []
        self.work = WorkClock()
        self._finished: Finished | None = None
        self._epochs: dict[int, Epoch] = {}
        self._ordered: list[Epoch] | None = None
        self._selected: tuple[str, Epoch | None] | None = None
        """What the best epoch is selected on, and that epoch; None until it is asked for after a change."""

    def take(self, event: Event) -> None:
        """Take in the next event."""
        self.work.see(_kind(event), event.t, event.worked)
        match event:
            case RunStarted():
                self.begun = self.begun or event.t
                self.started = event
                self._selected = None
                self.closing = self._finished = None
            case Resumed():
                self._drop_after(event.epoch)
                self.resumes = [earlier for earlier in self.resumes if earlier != event] + [event]
                self.closing = self._finished = None
            case Phase():
                self.phase = event
            case Epoch() if 1 <= event.epoch <= LARGEST_EPOCH:
                self._epochs[event.epoch] = event
                self._ordered = self._selected = None
            case Finished():
                self.closing = self._finished = event
            case Stopped() | Failed():
                self.closing = event

    def _drop_after(self, epoch: int) -> None:
        self._epochs = {number: event for number, event in self._epochs.items() if number <= epoch}
        self._ordered = self._selected = None

    # --- how far it has come ----------------------------------------------------------------------------------

    @property
    def epochs(self) -> list[Epoch]:
        """The finished epochs, ascending; a repeated one in its latest version."""
        if self._ordered is None:
            self._ordered = [self._epochs[number] for number in sorted(self._epochs)]
        return self._ordered

    @property
    def epoch(self) -> int:
        """The last finished epoch; 0 if there is none."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def planned(self) -> int:
        """The planned number of epochs; 0 before the first attempt has begun."""
        return self.started.epochs if self.started else 0

    @property
    def train_seconds(self) -> float:
        """Seconds of training per epoch, the median of the last five; NaN before the first."""
        return _recent_median([epoch.seconds.get("train", math.nan) for epoch in self.epochs])

    @property
    def epoch_seconds(self) -> float:
        """Seconds per epoch with evaluation and saving, the median of the last five; NaN before the first."""
        return _recent_median([sum(epoch.seconds.values()) if epoch.seconds else math.nan for epoch in self.epochs])

    # --- how good it is ---------------------------------------------------------------------------------------

    @property
    def weights(self) -> str:
        """Which weights are evaluated: "raw", "ema" or "swa"."""
        latest = self._finished or (self.epochs[-1] if self.epochs else None)
        return latest.weights if latest else "raw"

    @property
    def best_on(self) -> str:
        """What the best epoch is selected on: "holdout" if there is a hold-out set, else "test".

        "" if no best epoch is selected.
        """
        return self._selection()[0]

    @property
    def tested_once(self) -> bool:
        """Whether the run is tested only once, after its last epoch, so that no best epoch is selected."""
        return self.started is not None and not self.started.best_on

    @property
    def last(self) -> Epoch | None:
        """The last epoch that was tested."""
        return next((epoch for epoch in reversed(self.epochs) if math.isfinite(epoch.test_accuracy)), None)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the highest accuracy on `best_on`, the first of equals, among those that were tested.

        None if no best epoch is selected.
        """
        return self._selection()[1]

    def _selection(self) -> tuple[str, Epoch | None]:
        """`best_on` and `best`, determined once after each change: a screen asks for them dozens of times per draw."""
        if self._selected is None:
            self._selected = self._select()
        return self._selected

    def _select(self) -> tuple[str, Epoch | None]:
        if self.tested_once:
            return "", None
        held_out = self.started is not None and self.started.best_on == "holdout"
        best_on = "holdout" if held_out or any(map(_on_holdout, self.epochs)) else "test"
        name = "holdout_accuracy" if best_on == "holdout" else "test_accuracy"
        scored = [epoch for epoch in self.epochs if _sound(epoch) and math.isfinite(getattr(epoch, name))]
        return best_on, max(scored, key=lambda epoch: float(getattr(epoch, name)), default=None)

    @property
    def last_accuracy(self) -> float:
        """Test accuracy of the last epoch that was tested; NaN if there is none."""
        if self.last:
            return self.last.test_accuracy
        return self._finished.last_accuracy if self._finished else math.nan

    @property
    def best_accuracy(self) -> float:
        """Test accuracy of the best epoch; NaN if there is none."""
        if self.best:
            return self.best.test_accuracy
        return self._finished.best_accuracy if self._finished else math.nan


def _kind(event: Event) -> Kind:
    match event:
        case Finished() | Stopped() | Failed():
            return "closing"
        case Epoch() | Step() | Checkpoint():
            return "loop"
        case Phase():
            return "loop" if event.name in IN_THE_LOOP else "opening"
        case RunStarted():
            return "opening"
    return "sample"


def _on_holdout(epoch: Epoch) -> bool:
    return math.isfinite(epoch.holdout_accuracy)


def _sound(epoch: Epoch) -> bool:
    """Whether the epoch was tested and its logits were finite.

    Older versions continued after non-finite logits: the loss of such a test is NaN, although its counts are there.
    """
    return math.isfinite(epoch.test_accuracy) and not (epoch.per_class_count and math.isnan(epoch.test_loss))


def _recent_median(seconds: list[float]) -> float:
    known = [value for value in seconds[-RECENT:] if math.isfinite(value)]
    return median(known) if known else math.nan
