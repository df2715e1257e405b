"""What a supervisor writes down while it works, who it is and that it lives, and the run folder in which it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Final, TypeVar

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run.folder import RunFolder
from engine.contract.run.process import Heartbeat, Identity, ProcRecord, me
from engine.launch.elsewhere import Inbox

T = TypeVar("T")

HOLD_SECONDS: Final = 1.0


class Ledger:
    """`lock`, `proc.json`, `heartbeat.json` and `requests/` of one run."""

    def __init__(self, run: RunFolder, every: float) -> None:
        """Begin one.

        Args:
            every: seconds between heartbeats that say nothing new.

        Raises:
            OSError: there is no such folder.
        """
        self._home = Home(run.path)
        self._every = every
        self._me = replace(me(), folder=self._home.key)
        self._inbox = Inbox(run.path)
        self._last = Heartbeat(0, "")
        self._due = 0.0  # by the monotonic clock: no step of the clock hurries or delays a beat

    @property
    def run(self) -> RunFolder:
        """The run where it lies now. FolderLost where it was deleted, or moved out of sight."""
        return RunFolder(self._home.now())

    @property
    def in_place(self) -> bool:
        """Whether the run still lies where it did at the start."""
        return self._home.in_place()

    def write(self, act: Callable[[RunFolder], T]) -> T:
        """What `act` does in the run where it lies now. OSError as `Home.write` has it."""
        return self._home.write(lambda path: act(RunFolder(path)))

    @contextmanager
    def hold(self) -> Iterator[int]:
        """Hold the run's lock, as `RunFolder.hold` does. A process that is ending gives it up after it looks dead."""
        with ExitStack() as stack:
            deadline = time.monotonic() + HOLD_SECONDS
            while True:
                try:
                    lock = stack.enter_context(self.run.hold())
                    break
                except BadInput:
                    if time.monotonic() >= deadline:
                        raise
                time.sleep(0.02)
            yield lock

    def attempt(self) -> int:
        """The number of the attempt that begins: one more than have been put away."""
        ended = (int(path.stem) for path in self.run.exits.glob("*.json") if path.stem.isdecimal())
        return 1 + max(ended, default=0)

    def record(self, trainer: Identity | None) -> None:
        """Say who works on the run. OSError where that cannot be written."""
        trainer = trainer and replace(trainer, folder=self._home.key)
        record = ProcRecord(self._me.host, self._me.boot_id, self._me, trainer)
        self.write(lambda run: record.write(run.proc))

    def beat(self, state: str, place: int = 0, note: str = "") -> list[str]:
        """Write the heartbeat if it is due or says something new, and return what the run has been asked to do since.

        A full disk must not end the watch, and neither must a folder that is gone.
        """
        news = (state, place, note) != (self._last.state, self._last.place, self._last.note)
        if not news and time.monotonic() < self._due:
            return []
        self._due = time.monotonic() + self._every
        self._last = Heartbeat(self._me.pid, state, place, note, time.time(), self._last.beats + 1)
        asked: list[str] = []
        with suppress(OSError):
            run = self.run
            asked = self._inbox.poll(run.path)
            self._last.write(run.heartbeat)
            self._inbox.clear(run.path)
        return asked
