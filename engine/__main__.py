"""`python -m engine RUN_DIR`: train the run in a folder. Started by the run's supervisor; its output is the run's log.

Exit code 0: finished or stopped, 1: failed, 2: bad input. The last event in the folder gives the reason.
"""

from __future__ import annotations

import faulthandler
import gc
import signal
import sys
from pathlib import Path
from types import FrameType

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.launch import package, parent_death


class Stop:
    """Returns True once SIGTERM or SIGINT has arrived. The signal handler does nothing else: the loop calls this."""

    def __init__(self) -> None:
        self._requested = False
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, self._handle)

    def done(self) -> None:
        """Ignore signals from now on: a late one must not make a clean exit look like a crash."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._requested = True

    def __call__(self) -> bool:
        return self._requested


def ignore_what_is_meant_for_the_supervisor() -> None:
    """Ignore USR1, USR2 and HUP, of which any would end this process before it could save a checkpoint.

    A scheduler warns every process of a job, and a terminal that closes hangs up on all; the supervisor decides what
    follows from that, and sends SIGTERM.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def main(arguments: list[str]) -> int:
    """Carry out one attempt at a run and return the exit code."""
    parent_death.follow_agent()
    stopping = Stop()  # before importing torch, which takes seconds, during which a signal may arrive
    ignore_what_is_meant_for_the_supervisor()
    faulthandler.enable()
    try:
        if problem := package.problem():
            raise BadInput(problem)
        if len(arguments) != 1:
            raise BadInput("usage: python -m engine RUN_DIR")
        run = RunFolder(Path(arguments[0]))
        run.info()
        gc.disable()  # importing torch makes 200,000 objects that stay, and searching them for garbage takes long
        from engine.attempt import carry_out

        gc.freeze()
        gc.enable()
        code = carry_out(run, stopping)
        stopping.done()
        gc.freeze()  # or Python would search all objects at its exit, which takes half a second, while viewers wait
        return code
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
