"""A gate in front of a command: wait for one byte on a pipe, then become the command.

    python gate.py FD COMMAND...

The supervisor sends the byte once `proc.json` names this process. If the supervisor dies before that, the pipe closes
and this process exits without having done anything, so no trainer ever works without being on record. Process id, start
time and inherited locks stay the same across `exec`.

It runs as a script, without `site` and without the `engine` package, because it delays the start of every trainer.
"""

import os
import signal
import sys

SHUT = 75
"""The exit code if the gate was never opened: EX_TEMPFAIL of sysexits.h."""


def main(arguments: list[str]) -> None:
    """Become the command, or exit if the pipe is closed first."""
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):  # meant for the supervisor: see `engine.__main__`
        signal.signal(number, signal.SIG_IGN)
    pipe, command = int(arguments[0]), arguments[1:]
    if not os.read(pipe, 1):
        sys.exit(SHUT)
    os.close(pipe)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and the command would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
