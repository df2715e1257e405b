"""What signals do to a command that follows runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder
from engine.launch import control
from tui.commands.common import say

STOPPED: Final = 130
PREEMPTED: Final = 143


class Interrupts:
    """Handles signals while runs are followed, as a context manager.

    Ctrl-C stops the runs with a checkpoint (exit code 130); a second Ctrl-C kills them, on a terminal after a question.
    SIGTERM stops them (143). SIGHUP ends the viewer and leaves the runs alone.
    """

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        self._runs = runs
        self.code = 0
        """The exit code that a signal asks for; 0 before there was one."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        handlers = {
            signal.SIGINT: self._on_interrupt,
            signal.SIGTERM: self._on_terminate,
            signal.SIGHUP: self._on_hangup,
        }
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _for_all(self, action: Callable[[RunFolder], object]) -> None:
        for run in self._runs:
            if run.status().live:
                with suppress(BadInput):  # it may end just now
                    action(run)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self.code == 0:
            self.code = STOPPED
            say("stopping after this step, with a checkpoint; press Ctrl-C again to kill")
            self._for_all(control.stop)
            return
        if sys.stdin.isatty():
            sys.stderr.write("kill now and lose everything since the last checkpoint? [y/N] ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                return
        self._for_all(control.kill)

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self.code = PREEMPTED
        self._for_all(control.stop)

    def _on_hangup(self, _signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)  # only the viewer ends
