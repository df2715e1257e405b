"""The part of a job script that no scheduler matters for: the environment of the supervisor, and its command line.

A job begins in an environment of its own, on another machine, hours later. So the script of a run holds all that the
supervisor needs from the process that submits it, and stays in the run folder as `job.sh`.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine.contract.files import write_atomic
from engine.contract.lines import file_mode, open_regular
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import SCRIPT
from engine.launch import package

PASSED_ON: Final = ("CIFAR_TUI_DATA", "CIFAR_TUI_GRACE", "CIFAR_TUI_CPU_SLOTS", "PYTHONSAFEPATH", "PYTHONPATH")
"""Variables that a supervisor takes from the process that submits it, besides those that `package` adds."""
QUEUE_NAME: Final = "cifar-tui-queue."
QUEUE: Final = f'export CIFAR_TUI_QUEUE="$(mktemp -d "${{TMPDIR:-/tmp}}/{QUEUE_NAME}XXXXXX")"'
"""Each job has a queue of its own, on the disk of its node: the scheduler has given it its devices already."""


def environment(approved: Mapping[str, str]) -> dict[str, str]:
    """The variables that a supervisor needs, however it is started.

    Args:
        approved: code that the user trusts, as returned by `own_code.approve`.
    """
    ours = package.environment()
    names = {*PASSED_ON, *(name for name, value in ours.items() if os.environ.get(name) != value)}
    return {name: ours[name] for name in sorted(names) if name in ours} | own_code.environment(approved)


def supervise(run: Path, changes: Mapping[str, Any], *options: str) -> list[str]:
    """The command line of a supervisor. `changes`: to the placement in `run.json`."""
    changed = ["--placement", json.dumps(dict(changes))] if changes else []
    return [sys.executable, "-m", "engine.launch.supervise", str(run), *changed, *options]


def body(variables: Mapping[str, str], setup: str, command: Sequence[str], prefix: Sequence[str] = ()) -> str:
    """The lines of a shell script that becomes a supervisor.

    Args:
        variables: what `environment` returns.
        setup: the user's own commands, which come first.
        command: what `supervise` returns.
        prefix: the command that starts it, such as `srun`; its words stand as they are.
    """
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(
        [*([setup] if setup else []), *exports, QUEUE, " ".join(["exec", *prefix, shlex.join(command)]), ""]
    )


def remove_own_queue() -> None:
    """Remove the queue's folder that `QUEUE` has made for this job. Any other one is left alone."""
    folder = Path(os.environ.get("CIFAR_TUI_QUEUE", ""))
    if folder.name.startswith(QUEUE_NAME):
        shutil.rmtree(folder, ignore_errors=True)


def store(run: RunFolder, text: str) -> Path:
    """Write the script into the run folder, and make sure that the log exists with the permissions of the run.

    Raises:
        OSError: the folder cannot be written.
    """
    path = run.path / SCRIPT
    write_atomic(path, text.encode())
    mode = file_mode(run.path)
    log = open_regular(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode)
    try:
        if os.fstat(log).st_size == 0:
            os.fchmod(log, mode)  # the umask may have removed the group permissions of a shared run
    finally:
        os.close(log)
    return path
