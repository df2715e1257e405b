"""The course of a run as column arrays, folded from its events as they are written.

Folding is idempotent: a repeated epoch or step replaces the earlier one, and everything after the position of a
`Resumed` event is dropped, so curves never run backward after a crash. Steps go from JSON straight into arrays: two
hundred thousand of them load in well under a second, and `History.tail` loads the end of a run of any length at once.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.analysis.rows import (
    GPU_NAMES,
    HOST_NAMES,
    Card,
    gpu_rows,
    host_rows,
    number,
    step_rows,
)
from engine.analysis.series import Array, Series
from engine.analysis.step_series import StepSeries
from engine.contract.lines import LineReader, pieces
from engine.contract.run.course import Course
from engine.contract.run.event_file import read_event
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Failed,
    Finished,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
)
from engine.contract.values import parse_lines

TAIL_BYTES: Final = 256 * 1024
BLOCK_BYTES: Final = 1 << 18  # how much of a long file is in memory at once
PIECE_BYTES: Final = 1 << 16  # how much of that as Python objects, between which later ones would be scattered
HEAD_BYTES: Final = 64 * 1024
MOST_MESSAGES: Final = 1000


class History:
    """What happened in a run. `poll` adds new events; arrays are views, valid until the next poll.

    `version` increases with every change, for screens that redraw only then. `partial` is True for a history of
    only the end of the run. `figures` limits what is kept of each step, as told at `StepSeries`.
    """

    def __init__(self, events: Path, figures: int = 0) -> None:
        self._figures = figures
        self._lines = LineReader(events)
        self._restarts = 0
        self._garbage = 0
        self.version = 0
        self.partial = False
        self._reset()

    def _reset(self) -> None:
        self.course = Course()
        """The facts that listings show, too: epochs, the best one, how the run ended, its working time."""
        self.latest: System | None = None
        """The newest system sample, with the other users of each GPU."""
        self._steps = StepSeries(self._figures)
        self._host = Series(HOST_NAMES)
        self._gpus: dict[Card, Series] = {}
        self._messages: dict[tuple[float, str], Message] = {}
        self._checkpoints: dict[tuple[float, str], Checkpoint] = {}

    @classmethod
    def tail(cls, events: Path, size: int = TAIL_BYTES, figures: int = 0) -> History:
        """A history of the last `size` bytes and the start event, for the first paint of a long run."""
        history = cls(events, figures)
        history._lines.seek_tail(size)
        history.partial = history._lines.offset > 0
        if history.partial:
            head, _ = parse_lines(LineReader(events).poll(1)[:HEAD_BYTES])
            history._fold([table for table in head if table.get("event") == RunStarted.KIND][:1])
        history.poll()
        return history

    @property
    def garbage(self) -> int:
        """Number of lines that are no JSON object or too long, of dropped events and of bad values."""
        return self._garbage + self._lines.garbage

    def poll(self) -> bool:
        """Add what was written since the last call; whether there was anything. Never raises."""
        before = self.version
        while block := self._lines.poll(BLOCK_BYTES):
            if self._lines.restarts != self._restarts:
                self._restarts = self._lines.restarts
                self.partial = False
                self._reset()
            for piece in pieces(block, PIECE_BYTES):
                tables, garbage = parse_lines(piece)
                self._garbage += garbage
                self._fold(tables)
            self.version += 1
        return self.version != before

    # Columns, one entry per row

    def step(self, name: str) -> Array:
        """A column of STEP_NAMES over the recorded steps; NaN for figures that are not kept."""
        return self._steps.column(name)

    @property
    def newest_step(self) -> Step | None:
        """The last recorded step: see `StepSeries.newest`."""
        return self._steps.newest

    def position(self) -> Array:
        """The position of each step in epochs: 0 at the start of the first epoch, 1 at its end."""
        per_epoch = self.started.steps_per_epoch if self.started else 0
        within = self.step("step") / per_epoch if per_epoch > 0 else np.zeros(len(self._steps))
        position: Array = self.step("epoch") - 1 + np.minimum(within, 1.0)
        return position

    def host(self, name: str) -> Array:
        """A column of HOST_NAMES over the samples."""
        return self._host.column(name)

    def gpu(self, card: Card, name: str) -> Array:
        """A column of GPU_NAMES over the samples with this GPU; empty if there are none."""
        return self._gpus[card].column(name) if card in self._gpus else np.empty(0)

    def gpus(self) -> list[Card]:
        """The GPUs that were sampled, by node and index."""
        return sorted(self._gpus)

    def epoch(self, name: str) -> Array:
        """A numeric field of Epoch ("epoch", "test_accuracy", "t" ...) over the finished epochs, ascending."""
        return np.array([getattr(epoch, name) for epoch in self.epochs], dtype=np.float64)

    def per_class(self) -> Array:
        """Test accuracy (epochs, classes); NaN for epochs without an evaluation by class."""
        classes = len(self.started.classes) if self.started else 0
        classes = classes or max((len(epoch.per_class) for epoch in self.epochs), default=0)
        table = np.full((len(self.epochs), classes), math.nan)
        for row, epoch in enumerate(self.epochs):
            if len(epoch.per_class) == classes:
                table[row] = epoch.per_class
        return table

    # Records

    @property
    def started(self) -> RunStarted | None:
        """The start event of the newest attempt."""
        return self.course.started

    @property
    def phase(self) -> Phase | None:
        """The last phase event."""
        return self.course.phase

    @property
    def closing(self) -> Finished | Stopped | Failed | None:
        """The closing event, if no later attempt has begun."""
        return self.course.closing

    @property
    def resumes(self) -> list[Resumed]:
        """The positions from which later attempts resumed."""
        return self.course.resumes

    @property
    def epochs(self) -> list[Epoch]:
        """The finished epochs, ascending; a repeated one in its latest version."""
        return self.course.epochs

    @property
    def best(self) -> Epoch | None:
        """The best epoch: see `Course.best`."""
        return self.course.best

    @property
    def messages(self) -> list[Message]:
        """The newest messages, oldest first."""
        return list(self._messages.values())

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints that were written, oldest first, whether or not their files still exist."""
        return list(self._checkpoints.values())

    def _fold(self, tables: list[dict[str, Any]]) -> None:
        steps: list[dict[str, Any]] = []
        samples: list[System] = []
        seen = 0  # steps whose times have been taken
        for table in tables:
            if table.get("event") == Step.KIND:
                steps.append(table)
                continue
            self._take_times(steps[seen:])
            seen = len(steps)
            event, bad = read_event(table)
            self._garbage += bad
            if event is None:
                continue
            self.course.take(event)
            match event:
                case System():
                    samples.append(event)
                case Resumed():  # the only event whose order among the steps matters
                    self._add_steps(steps)
                    steps, seen = [], 0
                    self._steps.cut(event.epoch + 1, event.step)
                case Message():
                    self._messages[event.t, event.text] = event
                    if len(self._messages) > MOST_MESSAGES:
                        del self._messages[next(iter(self._messages))]
                case Checkpoint():
                    self._checkpoints[event.t, event.file] = event
        self._take_times(steps[seen:])
        self._add_steps(steps)
        self._add_samples(samples)

    def _take_times(self, steps: list[dict[str, Any]]) -> None:
        """Take the times of consecutive steps; if they have `worked`, the first and the last step are enough."""
        if steps and number(steps[0].get("worked")) <= number(steps[-1].get("worked")):
            steps = [steps[0], steps[-1]]
        for step in steps:
            self.course.work.see("loop", number(step.get("t", 0.0)), number(step.get("worked")))

    def _add_steps(self, tables: list[dict[str, Any]]) -> None:
        rows, garbage = step_rows(tables)
        self._garbage += garbage
        self._steps.extend(rows)

    def _add_samples(self, samples: list[System]) -> None:
        samples = [sample for sample in samples if sample.t]  # one without a time cannot be placed
        if not samples:
            return
        self.latest = samples[-1]
        self._host.extend(host_rows(samples))
        for card, rows in gpu_rows(samples).items():
            self._gpus.setdefault(card, Series(GPU_NAMES)).extend(rows)
