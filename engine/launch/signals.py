"""What a supervisor is asked to do, mostly by signals, and a sleep that any signal interrupts.

SIGTERM, SIGINT   stop: the trainer finishes its step, saves a checkpoint and exits
SIGUSR2           the same on behalf of a scheduler: the run is recorded as preempted
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
ACTIONS: Final = {STOP: "stopped", signal.SIGINT: "stopped", PREEMPT: "preempted", KILL: "killed"}


class Signals:
    """Listens to signals from its construction on; in the main thread only, once per process."""

    def __init__(self) -> None:
        self.requested = ""
        """"" (nothing), "stopped", "preempted", "moved" or "killed"; the first request holds, except that a kill
        overrides it."""
        self.signaled = False
        """Whether the request came by a signal."""
        self._wakeup, bell = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(bell, False)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        for number in ACTIONS:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only its byte in the wake-up pipe matters
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def request(self, action: str) -> None:
        """Take a request that came by another way than a signal."""
        if not self.requested or action == "killed":
            self.requested = action

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signaled = self.signaled or not self.requested
        self.request(ACTIONS[signal.Signals(number)])

    def sleep(self, seconds: float) -> None:
        """Sleep until a signal arrives or a child exits, for `seconds` at most."""
        if select.select([self._wakeup], [], [], max(seconds, 0.0))[0]:
            os.read(self._wakeup, 4096)
