"""Runs whose supervisor no signal reaches: on another host, in a container, on a cluster.

A request to such a supervisor is a file in the run folder, `requests/<random>.json`, which it reads at its next
heartbeat. Only the heartbeat shows whether it is alive; no second trainer is started before the heartbeat has stood
still long enough.
"""

from __future__ import annotations

import re
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import make_folder, read_json, write_atomic
from engine.contract.run import pulse
from engine.contract.run.folder import RunFolder
from engine.contract.run.links import refuse_links
from engine.contract.run.process import ExitRecord, ProcRecord, host_name, same_machine
from engine.contract.values import encode_table

FOLDER: Final = "requests"
NAME: Final = re.compile(r"[0-9a-f]{16}\.json")
ACTIONS: Final = {"stop": "stopped", "preempt": "preempted", "kill": "killed"}
"""What can be requested, and what `engine.launch.signals` calls it."""


def ask(run: RunFolder, action: str) -> None:
    """Request one of `ACTIONS` from the supervisor of a run. BadInput if the folder is a link or cannot be written."""
    refuse_links(run.path)
    folder = run.path / FOLDER
    try:
        make_folder(folder, exist_ok=True)
        request = {"act": action, "t": time.time(), "host": host_name()}
        write_atomic(folder / f"{secrets.token_hex(8)}.json", encode_table(request))
    except OSError as error:
        raise BadInput(f"cannot ask run {run.id} to {action}: {error.strerror} ({folder})") from error


class Inbox:
    """The requests of a run as its supervisor sees them. Requests older than the supervisor are ignored."""

    def __init__(self, run: Path) -> None:
        self._read = set(_names(run))

    def poll(self, run: Path) -> list[str]:
        """The actions requested since the last call; files that are no requests are skipped. Never raises.

        Args:
            run: the run folder at its current path.
        """
        actions = []
        for name in sorted(_names(run) - self._read):
            self._read.add(name)
            table = read_json(run / FOLDER / name) or {}
            if action := ACTIONS.get(str(table.get("act"))):
                actions.append(action)
        return actions

    def clear(self, run: Path) -> None:
        """Remove the requests that have been read. A file that cannot be removed does no harm. Never raises."""
        for name in self._read & _names(run):
            with suppress(OSError):
                (run / FOLDER / name).unlink()


def _names(run: Path) -> set[str]:
    folder = run / FOLDER
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):  # not through a link
            return set()
        return {path.name for path in folder.iterdir() if NAME.fullmatch(path.name)}
    except OSError:  # no request was ever made, or the disk fails: nothing to read either way
        return set()


def ensure_dead(
    run: RunFolder,
    say: Callable[[str], object] = lambda text: None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Return once no process of another machine can be active on the run, which may take 90 seconds to establish.

    Args:
        say: called with a message if it takes that long.
        pause: sleeps for the given number of seconds; it may raise to give up.

    Raises:
        BadInput: its heartbeat is advancing.
    """
    proc = ProcRecord.read(run.proc)
    if proc is None or same_machine(proc.supervisor) or ExitRecord.read(run.exit):
        return
    why = f"run {run.id} may still be active on {proc.host}: watching its heartbeat for {pulse.WATCH_SECONDS:.0f} s"
    if pulse.watch(run.path, lambda: say(why), pause):
        raise BadInput(f"run {run.id} is active on {proc.host}: its heartbeat is advancing")
