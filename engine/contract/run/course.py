"""The course of a run: the one fold of its events, from which every listing, screen and report takes its figures.

It is pure: events go in, in the order of the file, and facts come out. Readers of files stand around it: `RunFold` for
a row of a listing, `engine.analysis.history.History` for curves.
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

LARGEST_EPOCH: Final = MOST_EPOCHS  # what is beyond it is garbage
LATELY: Final = 5  # epochs that tell how long the next one will take
IN_THE_LOOP: Final = ("compiling", "training", "evaluating", "saving")
"""Phases of the training itself; all others come before it."""


class Course:
    """Facts of a run so far. Being told the same events again changes nothing; an epoch that is told twice counts once.

    Epochs that were trained after the checkpoint from which a later attempt goes on are dropped.
    """

    def __init__(self) -> None:
        self.begun = 0.0
        """When the first attempt began; 0 before."""
        self.started: RunStarted | None = None
        """What the newest attempt found."""
        self.phase: Phase | None = None
        self.closing: Finished | Stopped | Failed | None = None
        """The trainer's last words, when nothing came after them."""
        self.resumes: list[Resumed] = []
        self.work = WorkClock()
        self._finished: Finished | None = None
        self._epochs: dict[int, Epoch] = {}
        self._ordered: list[Epoch] | None = None

    def take(self, event: Event) -> None:
        """Take in the next event."""
        self.work.see(_kind(event), event.t, event.worked)
        match event:
            case RunStarted():
                self.begun = self.begun or event.t
                self.started = event
                self.closing = self._finished = None
            case Resumed():
                self._drop_after(event.epoch)
                self.resumes = [earlier for earlier in self.resumes if earlier != event] + [event]
                self.closing = self._finished = None
            case Phase():
                self.phase = event
            case Epoch() if 1 <= event.epoch <= LARGEST_EPOCH:
                self._epochs[event.epoch] = event
                self._ordered = None
            case Finished():
                self.closing = self._finished = event
            case Stopped() | Failed():
                self.closing = event

    def _drop_after(self, epoch: int) -> None:
        self._epochs = {number: event for number, event in self._epochs.items() if number <= epoch}
        self._ordered = None

    # --- how far it has come ----------------------------------------------------------------------------------

    @property
    def epochs(self) -> list[Epoch]:
        """The epochs that are done, ascending, each as it was told last."""
        if self._ordered is None:
            self._ordered = [self._epochs[number] for number in sorted(self._epochs)]
        return self._ordered

    @property
    def epoch(self) -> int:
        """The last epoch that is done; 0 before."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def planned(self) -> int:
        """How many epochs it is to have; 0 before it has said so."""
        return self.started.epochs if self.started else 0

    @property
    def train_seconds(self) -> float:
        """Seconds of training in an epoch, of late; NaN before one was told."""
        return _lately([epoch.seconds.get("train", math.nan) for epoch in self.epochs])

    @property
    def epoch_seconds(self) -> float:
        """Seconds from one epoch to the next with evaluation and saving, of late; NaN before one was told."""
        return _lately([sum(epoch.seconds.values()) if epoch.seconds else math.nan for epoch in self.epochs])

    # --- how good it is ---------------------------------------------------------------------------------------

    @property
    def weights(self) -> str:
        """Which weights are judged: "raw", "ema", "swa"."""
        told = self._finished or (self.epochs[-1] if self.epochs else None)
        return told.weights if told else "raw"

    @property
    def best_on(self) -> str:
        """What the best epoch is picked on: "holdout" where there is one, else "test"."""
        held_out = self.started is not None and self.started.best_on == "holdout"
        return "holdout" if held_out or any(map(_on_holdout, self.epochs)) else "test"

    @property
    def last(self) -> Epoch | None:
        """The last epoch that was tested."""
        return next((epoch for epoch in reversed(self.epochs) if math.isfinite(epoch.test_accuracy)), None)

    @property
    def best(self) -> Epoch | None:
        """The tested epoch that is best on `best_on`, the first such."""
        name = "holdout_accuracy" if self.best_on == "holdout" else "test_accuracy"
        scored = [epoch for epoch in self.epochs if _sound(epoch) and math.isfinite(getattr(epoch, name))]
        return max(scored, key=lambda epoch: float(getattr(epoch, name)), default=None)

    @property
    def last_accuracy(self) -> float:
        """Test accuracy of the last epoch that has one; NaN before."""
        if self.last:
            return self.last.test_accuracy
        return self._finished.last_accuracy if self._finished else math.nan

    @property
    def best_accuracy(self) -> float:
        """Test accuracy of the best epoch; NaN before there is one."""
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
    """Whether it was tested and its logits were finite.

    Runs of older versions went on where they were not: the loss of such a test is NaN, while its counts are told.
    """
    return math.isfinite(epoch.test_accuracy) and not (epoch.per_class_count and math.isnan(epoch.test_loss))


def _lately(seconds: list[float]) -> float:
    told = [value for value in seconds[-LATELY:] if math.isfinite(value)]
    return median(told) if told else math.nan
