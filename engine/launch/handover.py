"""Hand runs over to another machine or scheduler with a command of the user's own, such as `ssh gpubox {run}`.

All that such a command has to do is execute the run's job script somewhere where the runs folder is mounted at the same
path, and the same Python environment exists. From then on the heartbeat shows that the run is alive.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, StartFailed, nearest_or_all
from engine.contract.lines import open_regular
from engine.contract.recipe.lenient import known_placement
from engine.contract.recipe.schema import Placement
from engine.contract.run.folder import RunFolder
from engine.contract.run.jobs import SCRIPT, JobRecord, last_attempt
from engine.contract.run.logfile import size
from engine.launch import job_script
from engine.launch.reasons import last_line, read_tail

FIELDS: Final = ("run", "gpus", "cpus", "name")
START_SECONDS: Final = 10.0
"""How long a command is waited for; one that takes longer, such as ssh, stays in the background."""
POLL_SECONDS: Final = 0.05


def start(
    run: RunFolder,
    *,
    placement: Mapping[str, Any] | None = None,
    approved: Mapping[str, str] | None = None,
    timeout: float = START_SECONDS,
) -> None:
    """Execute the command of a run's placement. What it prints goes to the run's log.

    Args:
        placement: changes to the placement in `run.json`.
        approved: code that the user trusts, as returned by `own_code.approve`.
        timeout: seconds to wait for the command; it may be at work for as long as the run.

    Raises:
        BadInput: the template is not valid.
        StartFailed: the command cannot be started, or fails within `timeout` seconds.
    """
    changes = dict(placement or {})
    placed = Placement.model_validate(known_placement(run.info().placement)[0] | changes)
    command = words(placed, run.path)
    variables = job_script.environment(approved or {})
    text = "#!/bin/sh\n" + job_script.body(variables, placed.setup, job_script.supervise(run.path, changes))
    try:
        with run.hold():
            job_script.store(run, text)
            JobRecord("command", attempt=last_attempt(run.path) + 1, submitted=time.time()).write(run.path)
            printed = size(run.log)
            process = _spawn(run, command)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise StartFailed(f"run {run.id} could not be started: {where}{error.strerror or error}") from error
    deadline = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if process.returncode:
        why = last_line(read_tail(run.log, printed)) or f"exit code {process.returncode}"
        raise StartFailed(f"run {run.id} could not be handed over: {command[0]}: {why} (log: {run.log})")
    threading.Thread(target=process.wait, name=f"command of {run.id}", daemon=True).start()  # or it becomes a zombie


def words(placement: Placement, run: Path) -> list[str]:
    """The command for a run. {run} becomes the two words `/bin/sh FOLDER/job.sh`, or one text inside a longer word.

    Paths with spaces are quoted, since ssh, Ray, LSF and PBS give what they get to a shell.

    Raises:
        BadInput: the template is empty, not quoted well, has no {run}, or a field that does not exist.
    """
    template = placement.template
    script = shlex.join(["/bin/sh", str(run / SCRIPT)])
    values = {
        "run": script,
        "gpus": "0" if placement.device == "cpu" else str(placement.gpus),
        "cpus": str(placement.cpus or 1),
        "name": f"cifar-tui-{run.name[-4:]}",
    }
    try:
        parts = shlex.split(template)
    except ValueError as error:
        raise BadInput(f"--template {template!r}: {str(error).lower()}") from None
    if not any("{run}" in part for part in parts):
        raise BadInput(f"--template {template!r}: needs {{run}}, for example 'ssh gpubox {{run}}'")
    found: list[str] = []
    for part in parts:
        if part == "{run}":
            found += ["/bin/sh", shlex.quote(str(run / SCRIPT))]
        else:
            found.append(re.sub(r"\{(\w*)\}", lambda match: _value(values, match[1], template), part))
    return found


def check(placement: Placement) -> None:
    """BadInput if the template is not valid, or this machine does not have the program that it names."""
    program = words(placement, Path("/run"))[0]
    if shutil.which(program) is None:
        raise BadInput(f"--template {placement.template!r}: this machine has no {program}")


def _value(values: Mapping[str, str], field: str, template: str) -> str:
    if field not in values:
        raise BadInput(f"--template {template!r}: {{{field}}} is not a field{nearest_or_all(field, FIELDS)}")
    return values[field]


def _spawn(run: RunFolder, command: list[str]) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own, so that a closed terminal does not end it."""
    log = open_regular(run.log, os.O_WRONLY | os.O_APPEND)
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    finally:
        os.close(log)
