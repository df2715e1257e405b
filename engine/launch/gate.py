"""A gate in front of a command: it waits for one byte on a pipe and then becomes the command.

    python gate.py FD COMMAND...

The supervisor sends the byte once `proc.json` names this process. A supervisor that dies before that closes the pipe
with it, and this process then ends without having done anything: so no trainer works that no record names. The process
id and its start time stay the same across `exec`, and so do the inherited locks.

It runs as a script, without `site` and without the `engine` package, because it stands in front of every trainer.
"""

import os
import signal
import sys

SHUT = 75
"""The exit code of a gate that was never opened: EX_TEMPFAIL of sysexits.h."""


def main(arguments: list[str]) -> None:
    """Become the command, or exit where the pipe was closed before that."""
    pipe, command = int(arguments[0]), arguments[1:]
    if not os.read(pipe, 1):
        sys.exit(SHUT)
    os.close(pipe)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a command would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
