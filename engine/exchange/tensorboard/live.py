"""Event files beside `events.jsonl`, written while a run is trained.

Every attempt writes a file of its own. That of a resumed run begins by saying from which epoch on earlier files are
void, so TensorBoard draws no epoch twice.
"""

from __future__ import annotations

from collections.abc import Generator

from engine.contract.run.events import Epoch, Event, Finished, Resumed, RunStarted, Stopped
from engine.contract.run.folder import RunFolder
from engine.exchange.tensorboard.event_files import EventFile
from engine.exchange.tensorboard.needed import require_tensorboard
from engine.exchange.tensorboard.summaries import confusion, hyperparameters, scalars


def mirrored(events: Generator[Event, None, None], run: RunFolder) -> Generator[Event, None, None]:
    """The events of an attempt, unchanged; those that TensorBoard can show are written for it as they pass.

    Raises:
        BadInput: TensorBoard's package is missing.
        OSError: the disk is full.
    """
    require_tensorboard("--tensorboard")
    mirror = Mirror(run)
    try:
        for event in events:
            mirror.take(event)
            yield event
    finally:
        mirror.close()
        events.close()


class Mirror:
    """Writes the event file of one attempt. It is created with the start event."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._file: EventFile | None = None
        self._started: RunStarted | None = None
        self._last: Epoch | None = None
        """The last epoch with a confusion matrix."""
        self._described = False

    def take(self, event: Event) -> None:
        """Write what TensorBoard can show of the next event."""
        match event:
            case RunStarted():
                self._started = event
                self._file = EventFile(self._run.path, event.t)
                if event.attempt == 1:
                    self._file.restart(1, event.t)
            case Resumed() if self._file:
                self._file.restart(event.epoch + 1, event.t)
            case Epoch() if self._file:
                self._write_epoch(self._file, event)
            case Finished() | Stopped() if self._file and self._last and (picture := confusion(self._last)):
                self._file.summary(picture, self._last.epoch, event.t)

    def _write_epoch(self, file: EventFile, epoch: Epoch) -> None:
        if not self._described:  # after the first epoch, which says what its train accuracy is measured against
            described = hyperparameters(self._run.recipe_table(), self._run.info(), self._started, [epoch])
            file.summary(described, 0, epoch.t)
            self._described = True
        file.summary(scalars(epoch, self._started.classes if self._started else ()), epoch.epoch, epoch.t)
        if epoch.confused:
            self._last = epoch

    def close(self) -> None:
        """Close the file; nothing is written after this."""
        if self._file:
            self._file.close()
