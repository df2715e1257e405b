"""`python -m engine RUN_DIR`: train what the folder says. The run's supervisor starts it; its output is the run's log.

Exit code 0: finished or stopped, 1: failed, 2: bad input. The last event in the folder says the same, with the reason.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from pathlib import Path
from types import FrameType

from engine.contract.errors import BadInput
from engine.contract.run.folder import RunFolder
from engine.launch import package


class Stop:
    """Becomes true with SIGTERM or SIGINT. The handler does nothing else: the loop asks between two steps."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def done(self) -> None:
        """There is nothing left to stop: a late signal must not make a clean end look like a crash."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def main(arguments: list[str]) -> int:
    """Carry out one attempt at a run; the exit code."""
    stopping = Stop()  # before torch is imported, which takes seconds in which a stop may come
    faulthandler.enable()
    try:
        if problem := package.problem():
            raise BadInput(problem)
        if len(arguments) != 1:
            raise BadInput("usage: python -m engine RUN_DIR")
        run = RunFolder(Path(arguments[0]))
        run.info()
        from engine.attempt import carry_out

        code = carry_out(run, stopping)
        stopping.done()
        return code
    except BadInput as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
