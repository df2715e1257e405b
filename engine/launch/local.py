"""Start runs on this machine: a supervisor in a session of its own, which survives a closed terminal and Ctrl-C."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.contract.errors import StartFailed
from engine.contract.files import PRIVATE
from engine.contract.lines import file_mode, open_regular
from engine.contract.run import own_code
from engine.contract.run.folder import RunFolder
from engine.contract.run.logfile import size
from engine.contract.run.process import ProcRecord
from engine.launch import package
from engine.launch.reasons import is_full, last_line, read_tail

SUPERVISOR: Final = ("-m", "engine.launch.supervise")
START_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02


def start(
    run: RunFolder,
    *,
    placement: Mapping[str, Any] | None = None,
    approved: Mapping[str, str] | None = None,
    adopt: bool = False,
    supervisor: Sequence[str] = SUPERVISOR,
    timeout: float = START_SECONDS,
) -> None:
    """Spawn the supervisor of a run and wait until it has registered in `proc.json` (the run may still be queued then).

    The caller makes sure that no process of another machine works on the run: see `engine.launch.elsewhere`.

    Args:
        placement: changes to the placement in `run.json`.
        approved: code that the user trusts, as returned by `own_code.approve`.
        adopt: supervise a trainer that has lost its supervisor, instead of starting a new one.
        supervisor: the arguments of Python that run the supervisor.
        timeout: how long registering may take, in seconds.

    Raises:
        StartFailed: it exited or did not register in time; nothing of it is left running.
    """
    options = ["--watched", *(["--placement", json.dumps(dict(placement))] if placement else [])]
    if adopt:
        options.append("--adopt")
    printed = size(run.log)
    try:
        process = _spawn(run, [sys.executable, *supervisor, str(run.path), *options], approved or {})
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise StartFailed(f"run {run.id} could not be started: {where}{error.strerror or error}") from error
    _wait_for_record(run, process, printed, timeout)
    # It has to be waited for, or it stays a zombie for as long as this process lives.
    threading.Thread(target=process.wait, name=f"supervisor of {run.id}", daemon=True).start()


def _wait_for_record(run: RunFolder, process: subprocess.Popen[bytes], printed: int, timeout: float) -> None:
    """Wait until `proc.json` names the supervisor. StartFailed if it exits first or takes too long."""
    deadline = time.monotonic() + timeout
    while True:
        ended = process.poll() is not None
        proc = ProcRecord.read(run.proc)
        if proc is not None and proc.supervisor.pid == process.pid:
            return
        if ended or time.monotonic() >= deadline:
            process.kill()
            process.wait()
            raise StartFailed(f"run {run.id} did not start: {_why(run, printed, ended, timeout)} (log: {run.log})")
        time.sleep(POLL_SECONDS)


def _why(run: RunFolder, printed: int, ended: bool, timeout: float) -> str:
    if message := last_line(read_tail(run.log, printed)):
        return message.removeprefix("error: ")
    if is_full(run.path):
        return "no space left on the disk"
    return "its supervisor exited without a message" if ended else f"its supervisor did not start within {timeout:g} s"


def _spawn(run: RunFolder, argv: Sequence[str], approved: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = open_regular(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, file_mode(run.path))
    try:
        if os.fstat(log).st_size == 0:
            os.fchmod(log, file_mode(run.path))  # the umask may have removed the group permissions of a shared run
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=package.environment() | own_code.environment(approved),
            start_new_session=True,
            umask=PRIVATE,
        )
    finally:
        os.close(log)
