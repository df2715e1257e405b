"""The few facts about a run that a listing shows, folded from its events without keeping them.

Most lines are steps and samples, which say nothing here: they are stepped over unparsed, so ten thousand finished
runs are folded in seconds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from engine.contract.events import Epoch, Event, Failed, Finished, Phase, Resumed, RunStarted, Stopped, from_table
from engine.contract.lines import LineReader
from engine.contract.values import parse_lines

BLOCK_BYTES: Final = 4 << 20  # how much of a long file is in memory at once
TAIL_BYTES: Final = 64 * 1024  # holds the last epoch and the closing words of any run
LARGEST_EPOCH: Final = 1_000_000  # the recipe's own limit: what is beyond it is garbage
_DULL: Final = (b'{"event": "step"', b'{"event": "system"', b'{"event": "message"')


class RunFold:
    """Facts of a run so far. Folding the same events again changes nothing; an epoch told twice counts once."""

    def __init__(self, events: Path) -> None:
        self._lines = LineReader(events)
        self._restarts = 0
        self._reset()

    def _reset(self) -> None:
        self.started = 0.0
        """When the first attempt began; 0 before."""
        self.epochs = 0
        self.device = ""
        self.weights = "raw"
        self.phase = ""
        self.note = ""
        self.place = 0
        self.closing: Finished | Stopped | Failed | None = None
        """The trainer's last words, when nothing came after them."""
        self._finished: Finished | None = None
        self._accuracy: dict[int, tuple[float, float]] = {}  # by epoch: test, holdout
        self._attempts: dict[float, float] = {}  # begin and latest sign of each

    def poll(self) -> RunFold:
        """Take in what was written since the last call."""
        while block := self._lines.poll(BLOCK_BYTES):
            if self._lines.restarts != self._restarts:
                self._restarts = self._lines.restarts
                self._reset()
            self._feed(block)
        return self

    def poll_tail(self) -> RunFold:
        """Only the end of the file: enough for `phase` and `closing`."""
        self._lines.seek_tail(TAIL_BYTES)
        return self.poll()

    @property
    def epoch(self) -> int:
        """The last epoch that is done."""
        return max(self._accuracy, default=0)

    @property
    def seconds(self) -> float:
        """Time at work, over all attempts and without the pauses between them."""
        return sum(max(latest - begin, 0.0) for begin, latest in self._attempts.items())

    @property
    def best_on(self) -> str:
        """What the best epoch is chosen on: "holdout" as soon as one epoch has such a figure."""
        return "holdout" if any(holdout == holdout for _, holdout in self._accuracy.values()) else "test"

    @property
    def last_accuracy(self) -> float:
        """Test accuracy of the last epoch that has one; NaN before."""
        scored = [epoch for epoch, (test, _) in self._accuracy.items() if math.isfinite(test)]
        if scored:
            return self._accuracy[max(scored)][0]
        return self._finished.last_accuracy if self._finished else math.nan

    @property
    def best_accuracy(self) -> float:
        """Test accuracy of the epoch that is best on `best_on`; NaN before there is one."""
        key = 1 if self.best_on == "holdout" else 0
        scored = [pair for _, pair in sorted(self._accuracy.items()) if all(map(math.isfinite, (pair[0], pair[key])))]
        if scored:
            return max(scored, key=lambda pair: pair[key])[0]
        return self._finished.best_accuracy if self._finished else math.nan

    def _feed(self, block: bytes) -> None:
        lines = block.rstrip(b"\n").split(b"\n")
        telling = [line for line in lines[:-1] if not line.startswith(_DULL)]
        tables, _ = parse_lines(b"\n".join([*telling, lines[-1]]))  # the last line tells at least the time
        for table in tables:
            if event := from_table(table):
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.started = self.started or event.t
                self.epochs, self.device = event.epochs, event.device
                self._attempts.pop(event.t, None)  # told again: it becomes the current one again
                self._attempts[event.t] = event.t
                self.closing = self._finished = None
            case Resumed():
                self._accuracy = {epoch: pair for epoch, pair in self._accuracy.items() if epoch <= event.epoch}
                self.closing = self._finished = None
            case Phase():
                self.phase, self.note, self.place = event.name, event.note, event.place
            case Epoch() if 1 <= event.epoch <= LARGEST_EPOCH:
                self._accuracy[event.epoch] = (event.test_accuracy, event.holdout_accuracy)
                self.weights = event.weights
            case Finished():
                self.closing = self._finished = event
                self.weights = event.weights
            case Stopped() | Failed():
                self.closing = event
        if self._attempts and math.isfinite(event.t):
            begin = next(reversed(self._attempts))
            self._attempts[begin] = max(self._attempts[begin], event.t)
