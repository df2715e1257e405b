"""A gate in front of a command: wait for one byte on a pipe, then become the command.

    python gate.py FD PARENT COMMAND...

The supervisor sends the byte once `proc.json` names this process. If the supervisor dies before that, the pipe closes
and this process exits without having done anything, so no trainer ever works without being on record. Process id, start
time and inherited locks stay the same across `exec`.

PARENT is the process id of the supervisor if the kernel is to kill the command when the supervisor dies, else 0. A run
on several nodes is started so: what is left of it on one node is of no use to a new supervisor. Linux only.

It runs as a script, without `site` and without the `engine` package, because it delays the start of every trainer.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2); it lasts across exec
SHUT = 75
"""The exit code if the gate was never opened: EX_TEMPFAIL of sysexits.h."""


def main(arguments: list[str]) -> None:
    """Become the command, or exit if the pipe is closed first."""
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):  # meant for the supervisor: see `engine.__main__`
        signal.signal(number, signal.SIG_IGN)
    pipe, parent, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if parent:
        follow(parent)
    if not os.read(pipe, 1):
        sys.exit(SHUT)
    os.close(pipe)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and the command would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


def follow(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; exit if that has happened already."""
    import ctypes  # costs time that other trainers need not spend

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(SHUT)


if __name__ == "__main__":
    main(sys.argv[1:])
