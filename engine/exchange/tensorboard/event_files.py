"""A new event file, written record by record: no thread and no queue, so that nothing is lost when a run is killed."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.lines import file_mode, open_regular
from engine.contract.run.process import host_name

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

MARK = "tfevents"
"""What the name of every event file contains."""


class EventFile:
    """One event file. Each record reaches the operating system before the call returns.

    Args:
        folder: where it is created, with the permissions of the folder.
        begun: seconds since 1970 at which it begins. TensorBoard reads the files of a folder in this order.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, folder: Path, begun: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
        from tensorboard.summary.writer.record_writer import RecordWriter

        fd, self.path = _create(folder, begun)
        self._records = RecordWriter(os.fdopen(fd, "wb", buffering=0))
        self.write(
            Event(wall_time=begun, file_version="brain.Event:2", source_metadata=SourceMetadata(writer="cifar-tui"))
        )

    def write(self, event: Event) -> None:
        """Append a record. OSError if the disk is full."""
        self._records.write(event.SerializeToString())

    def summary(self, summary: Summary, step: int, t: float) -> None:
        """Append figures of one step, if there are any."""
        from tensorboard.compat.proto.event_pb2 import Event

        if summary.value:
            self.write(Event(wall_time=t, step=step, summary=summary))

    def restart(self, step: int, t: float) -> None:
        """Say that a session begins at this step: readers forget what earlier files of the folder hold from it on."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        self.write(Event(wall_time=t, step=step, session_log=SessionLog(status=SessionLog.START)))

    def close(self) -> None:
        self._records.close()


def _create(folder: Path, begun: float) -> tuple[int, Path]:
    """The descriptor and the path of a new file whose name is free."""
    mode = file_mode(folder)
    for number in itertools.count():
        path = folder / f"events.out.{MARK}.{int(begun):010d}.{host_name()}.{os.getpid()}.{number}"
        try:
            fd = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, mode)
        except FileExistsError:
            continue
        os.fchmod(fd, mode)  # the umask may have removed the group permissions of a shared folder
        return fd, path
    raise AssertionError("unreachable")
