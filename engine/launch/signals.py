"""What a supervisor is told, by signals above all, and a sleep that any signal ends.

SIGTERM, SIGINT   stop: the trainer finishes its step, saves a checkpoint and ends
SIGUSR2           the same, on behalf of a scheduler: the run is recorded as preempted
SIGUSR1           kill the trainer now
SIGHUP            ignored, by the trainer as well: closing a terminal stops nothing
"""

import os
import select
import signal
from types import FrameType
from typing import Final

STOP: Final = signal.SIGTERM
PREEMPT: Final = signal.SIGUSR2
KILL: Final = signal.SIGUSR1
MEANING: Final = {STOP: "stopped", signal.SIGINT: "stopped", PREEMPT: "preempted", KILL: "killed"}


class Orders:
    """Listens from the moment it is made; the main thread only, once per process."""

    def __init__(self) -> None:
        self.asked = ""
        """"" (nothing), "stopped", "preempted", "moved" or "killed"; the first stands unless a kill follows it."""
        self._awake, bell = os.pipe()
        os.set_blocking(self._awake, False)
        os.set_blocking(bell, False)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        for number in MEANING:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its byte on the bell is what counts
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def take(self, order: str) -> None:
        """Take an order that came another way."""
        if not self.asked or order == "killed":
            self.asked = order

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.take(MEANING[signal.Signals(number)])

    def sleep(self, seconds: float) -> None:
        """Until a signal comes or a child ends, but no longer than that."""
        if select.select([self._awake], [], [], max(seconds, 0.0))[0]:
            os.read(self._awake, 4096)
