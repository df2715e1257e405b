"""A run as the Dashboard sees it: its history, and the figures that the panes show."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from engine.analysis.compare import comparable, difference
from engine.analysis.cost import seconds_left
from engine.analysis.history import History
from engine.analysis.series import Array
from engine.analysis.standing import Standing, standing
from engine.contract.errors import BadInput
from engine.contract.recipe.ops import mixes_batch
from engine.contract.recipe.schema import Promise, Recipe
from engine.contract.run.events import Epoch, Step
from engine.contract.run.labels import Labels
from engine.contract.run.status import Status, status
from engine.contract.run.store import RunFolder, RunInfo
from tui.drawing.figures import matches_preset

FIGURES: Final = 2048
"""Steps whose time, learning rate and speed are kept. A crash takes back a minute of them, at two a second."""


class RunView:
    """A run and its history. With `tail` only the end is read, which takes the same time for a run of any length."""

    def __init__(self, run: RunFolder, *, tail: bool = False) -> None:
        self.run = run
        self.history = History.tail(run.events, figures=FIGURES) if tail else History(run.events, FIGURES)

    def poll(self) -> bool:
        """Read what was written since the last call; returns whether there was anything."""
        return self.history.poll()

    def status(self, now: float | None = None) -> Status:
        """The state of the run: its files at present, with the events as of the last poll."""
        return status(self.run.path, now, self.history.course)

    # --- what was requested -----------------------------------------------------------------------------------

    @cached_property
    def info(self) -> RunInfo:
        """The contents of run.json; empty if it cannot be read."""
        try:
            return self.run.info()
        except BadInput:
            return RunInfo(id=self.run.id)

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe as far as this version knows it; None if it cannot be read (the run is shown all the same)."""
        try:
            return self.run.inspect()[0]
        except BadInput:
            return None

    def labels(self) -> Labels:
        return self.run.labels()

    @property
    def name(self) -> str:
        """What listings call the run's recipe."""
        return self.info.recipe_name or "run"

    @property
    def short_id(self) -> str:
        return self.run.id[-4:]

    @property
    def promise(self) -> Promise | None:
        """The accuracy that the preset promises; None if the recipe was changed, or if nobody has measured it."""
        found = self.recipe.promise if self.recipe else None
        known = found is not None and found.runs and matches_preset(self.info.preset, self.info.changes)
        return found if known else None

    @property
    def schedule_name(self) -> str:
        return self.recipe.schedule.name if self.recipe else ""

    @property
    def planned_epochs(self) -> int:
        """Epochs of the whole run; 0 if unknown."""
        started = self.history.started
        return (started.epochs if started else 0) or self.info.epochs

    @property
    def length(self) -> float:
        """Epochs of the whole run, with the fraction of a short last one."""
        epochs = self.recipe.epochs if self.recipe else 0
        return epochs if math.ceil(epochs) == self.planned_epochs else float(self.planned_epochs)

    @property
    def epoch_ends(self) -> Array:
        """Where the completed epochs end, in epochs of full length: 1, 2, ..., and 9.9 for a short last one."""
        return np.minimum(self.history.epoch("epoch"), self.length or math.inf)

    def steps_in(self, epoch: int) -> int:
        """Training steps of an epoch, from 1: the last one may be short. 0 before the run has started."""
        steps = self.steps_per_epoch
        return round(self.length * steps) - (epoch - 1) * steps if epoch == self.planned_epochs else steps

    @property
    def steps_per_epoch(self) -> int:
        """Training steps per epoch; 0 before the run has started."""
        return self.history.started.steps_per_epoch if self.history.started else 0

    # --- progress ---------------------------------------------------------------------------------------------

    @property
    def last(self) -> Epoch | None:
        """The last completed epoch."""
        return self.history.epochs[-1] if self.history.epochs else None

    @property
    def done_epochs(self) -> int:
        """The number of completed epochs."""
        return self.last.epoch if self.last else 0

    @property
    def step(self) -> Step | None:
        """The last recorded step, if its epoch is not completed yet."""
        newest = self.history.newest_step
        return newest if newest is not None and newest.epoch > self.done_epochs else None

    @property
    def progress_epochs(self) -> float:
        """Completed epochs, including the fraction of the current one."""
        step = self.step
        if step is None or not self.steps_per_epoch:
            return float(self.done_epochs)
        return step.epoch - 1 + min(step.step / self.steps_per_epoch, 1.0)

    @property
    def last_event(self) -> float:
        """Unix seconds of the last event of any kind; 0 without one."""
        history = self.history
        times: list[float] = [
            event.t for event in (history.started, history.phase, history.closing, self.last) if event
        ]
        times += [event.t for event in (history.newest_step, history.latest) if event]
        times += [event.t for event in (*history.messages[-1:], *history.checkpoints[-1:])]
        return max((t for t in times if math.isfinite(t)), default=0.0)

    @property
    def learning_rate(self) -> float:
        """The current learning rate; NaN if unknown."""
        return self._newest("lr")

    @property
    def images_per_second(self) -> float:
        """The current speed in training images per second; NaN if unknown."""
        return self._newest("images_per_second")

    def _newest(self, name: str) -> float:
        """A figure of the last step, or of the last epoch if that is newer or is the only one that has it."""
        if self.step is None and self.last is not None and math.isfinite(getattr(self.last, name)):
            return float(getattr(self.last, name))
        return float(getattr(self.history.newest_step, name, math.nan))

    @property
    def seconds_by_epoch(self) -> Array:
        """Wall-clock time of each epoch with its evaluation and saving; NaN if it was not recorded."""
        took = [sum(epoch.seconds.values()) if epoch.seconds else math.nan for epoch in self.history.epochs]
        return np.array(took, dtype=np.float64)

    @property
    def seconds_in_all(self) -> float:
        """Working time without the pauses between attempts; NaN while only the end of the run has been read."""
        return math.nan if self.history.partial else self.history.course.work.seconds

    @property
    def seconds_per_epoch(self) -> float:
        """Seconds of a recent epoch; before the first has ended, an estimate from the current speed."""
        took = self.history.course.epoch_seconds
        started, speed = self.history.started, self.images_per_second
        if math.isnan(took) and started and speed > 0:
            return started.steps_per_epoch * started.batch_size / speed
        return took

    @property
    def seconds_left(self) -> float:
        """Estimated seconds remaining; NaN while there is nothing to estimate from."""
        return seconds_left(self.length, self.progress_epochs, self.seconds_per_epoch)

    # --- accuracy ---------------------------------------------------------------------------------------------

    @property
    def train_mixed(self) -> bool:
        """Whether train figures are against mixed labels. Until epoch 1 ends, the recipe decides."""
        return self.last.train_mixed if self.last else self._mixes

    @cached_property
    def _mixes(self) -> bool:
        return self.recipe is not None and mixes_batch(self.recipe.augmentation, self.run.own_catalog())

    @property
    def weights(self) -> str:
        """The weights that are tested: "raw", or the kind of average."""
        return self.history.course.weights

    @property
    def best_on(self) -> str:
        """The images that the best epoch was picked on: "test" or "holdout"; "" if none is picked."""
        return self.history.course.best_on

    @property
    def tested_once(self) -> bool:
        """Whether the run is tested only once, after its last epoch. Until it has started, the recipe decides."""
        return self.history.course.tested_once or (self.recipe is not None and not self.recipe.evaluate.every)

    @property
    def no_test(self) -> str:
        """What panes say in place of test figures that are still missing."""
        if self.info.layout:
            return "no test"
        return "tested at the end" if self.tested_once else "no test yet"

    @property
    def first_test(self) -> int:
        """The epoch after which the first test comes; 0 if unknown."""
        every = self.recipe.evaluate.every if self.recipe else 1
        return min(every or self.planned_epochs, self.planned_epochs)

    @property
    def last_accuracy(self) -> float:
        """Test accuracy at the last test, 0..1; NaN without one."""
        return self.history.course.last_accuracy

    @property
    def best_epoch(self) -> int:
        """The best epoch; 0 without a test, or if none is picked."""
        return self.history.best.epoch if self.history.best else 0

    @property
    def best_accuracy(self) -> float:
        """Test accuracy at the best epoch; NaN if there is none."""
        return self.history.course.best_accuracy

    def accuracy_at(self, epoch: int) -> tuple[int, float]:
        """(epoch, test accuracy) of the last tested epoch up to and including `epoch`; (0, NaN) without one."""
        tested = (e for e in reversed(self.history.epochs) if e.epoch <= epoch and math.isfinite(e.test_accuracy))
        found = next(tested, None)
        return (found.epoch, found.test_accuracy) if found else (0, math.nan)

    def standing(self) -> Standing:
        """The values that a comparison of runs needs."""
        found = standing(self.run.id, self.info, self.history.course, self.labels().excluded)
        return replace(found, images_per_second=self.images_per_second)

    def against(self, base: RunView) -> tuple[float, int, int]:
        """(test accuracy minus the baseline's, epoch, epoch of the baseline); see `engine.analysis.compare`."""
        return difference(self.standing(), base.standing())

    def comparable(self, base: RunView) -> bool:
        """Whether both were tested on the same images."""
        return comparable(self.standing(), base.standing())
