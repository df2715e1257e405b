"""What a supervisor writes down while it works: who it is, that it is alive, and in which run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Final, TypeVar

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run.claims import claim_attempt
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import last_attempt, last_ended
from engine.contract.run.process import Heartbeat, Identity, ProcRecord, me
from engine.launch.elsewhere import Inbox

T = TypeVar("T")

HOLD_SECONDS: Final = 1.0


class Ledger:
    """`lock`, `proc.json`, `heartbeat.json` and `requests/` of one run."""

    def __init__(self, run: RunFolder, every: float) -> None:
        """Open the folder.

        Args:
            every: seconds between heartbeats that report nothing new.

        Raises:
            OSError: there is no such folder.
        """
        self._home = Home(run.path)
        self._every = every
        self._me = replace(me(), folder=self._home.key)
        self._inbox = Inbox(run.path)
        self._last = Heartbeat(0, "")
        self._due = 0.0  # by the monotonic clock, so that setting the clock neither hurries nor delays a heartbeat

    @property
    def run(self) -> RunFolder:
        """The run at its current path. FolderLost if it was deleted, or moved to where it cannot be found."""
        return RunFolder(self._home.now())

    @property
    def in_place(self) -> bool:
        """Whether the run is still at the path where it was at the start."""
        return self._home.in_place()

    def write(self, action: Callable[[RunFolder], T]) -> T:
        """Call `action` with the run at its current path. OSError as for `Home.write`."""
        return self._home.write(lambda path: action(RunFolder(path)))

    @contextmanager
    def hold(self) -> Iterator[int]:
        """Hold the run's lock, as `RunFolder.hold` does, retrying for a moment: a process releases it as it exits.

        Where the file system has no locks, as Lustre without `flock`, the log says so, and `claim` decides.
        """
        with ExitStack() as stack:
            deadline = time.monotonic() + HOLD_SECONDS
            while True:
                try:
                    lock = stack.enter_context(self.run.hold(_note))
                    break
                except BadInput:
                    if time.monotonic() >= deadline:
                        raise
                time.sleep(0.02)
            yield lock

    def claim(self) -> int:
        """Claim the next attempt for this process by creating `attempts/N`, and return N.

        A lock keeps out the processes of this machine, and those of others only where the file system passes it on.
        Creating a file exclusively works everywhere: of two supervisors that begin at once, one succeeds.

        Raises:
            BadInput: another process has claimed the attempt, and may be alive.
            OSError: the folder cannot be written.
        """
        return self.write(lambda run: claim_attempt(run.path, self._me))

    def attempt(self) -> int:
        """The number of the attempt under way, which an adopting supervisor continues."""
        run = self.run.path
        return max(last_attempt(run), 1 + last_ended(run))

    def record(self, trainer: Identity | None) -> None:
        """Write `proc.json`: which processes work on the run. OSError if that fails."""
        trainer = trainer and replace(trainer, folder=self._home.key)
        record = ProcRecord(self._me.host, self._me.boot_id, self._me, trainer)
        self.write(lambda run: record.write(run.proc))

    def beat(self, state: str, place: int = 0, note: str = "") -> list[str]:
        """Write the heartbeat if it is due or reports something new, and return the actions requested since.

        Neither a full disk nor a missing folder raises: they must not end the watch over the trainer.
        """
        news = (state, place, note) != (self._last.state, self._last.place, self._last.note)
        if not news and time.monotonic() < self._due:
            return []
        self._due = time.monotonic() + self._every
        self._last = Heartbeat(self._me.pid, state, place, note, time.time(), self._last.beats + 1)
        requested: list[str] = []
        with suppress(OSError):
            run = self.run
            requested = self._inbox.poll(run.path)
            self._last.write(run.heartbeat)
            self._inbox.clear(run.path)
        return requested


def _note(text: str) -> None:
    print(f"--- {text}", flush=True)  # noqa: T201  # into the run's log
