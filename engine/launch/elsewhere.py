"""Runs whose supervisor no signal reaches: on another host, in a container, on a cluster.

What such a supervisor should do is put into the run folder, as `requests/<random>.json`, and it obeys at its next beat.
Whether it lives is told by its heartbeat alone; nothing starts a second trainer before that has stood still for long.
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
MEANING: Final = {"stop": "stopped", "preempt": "preempted", "kill": "killed"}
"""What can be asked, and what the supervisor's orders call it."""


def ask(run: RunFolder, act: str) -> None:
    """Ask the supervisor of a run for one of `MEANING`. BadInput where the folder cannot be written or is a link."""
    refuse_links(run.path)
    folder = run.path / FOLDER
    try:
        make_folder(folder, exist_ok=True)
        request = {"act": act, "t": time.time(), "host": host_name()}
        write_atomic(folder / f"{secrets.token_hex(8)}.json", encode_table(request))
    except OSError as error:
        raise BadInput(f"cannot ask run {run.id} to {act}: {error.strerror} ({folder})") from error


class Inbox:
    """The requests of a run as its supervisor sees them. Those that were there before it are not meant for it."""

    def __init__(self, run: Path) -> None:
        self._read = set(_names(run))

    def poll(self, run: Path) -> list[str]:
        """The orders since the last call; what is no request is skipped. Never raises.

        Args:
            run: the run folder as it lies now.
        """
        orders = []
        for name in sorted(_names(run) - self._read):
            self._read.add(name)
            table = read_json(run / FOLDER / name) or {}
            if order := MEANING.get(str(table.get("act"))):
                orders.append(order)
        return orders

    def clear(self, run: Path) -> None:
        """Remove the requests that have been read. What cannot be removed does no harm. Never raises."""
        for name in self._read & _names(run):
            with suppress(OSError):
                (run / FOLDER / name).unlink()


def _names(run: Path) -> set[str]:
    folder = run / FOLDER
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):  # not through a link
            return set()
        return {path.name for path in folder.iterdir() if NAME.fullmatch(path.name)}
    except OSError:  # none were ever made, or the disk fails: then there is nothing to obey
        return set()


def make_sure_it_is_dead(
    run: RunFolder,
    say: Callable[[str], object] = lambda text: None,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Return when no process of another machine can be at work on the run, which may take 90 seconds to find out.

    Args:
        say: is told that it will take so long.
        pause: sleeps for so many seconds; it may raise to give up.

    Raises:
        BadInput: its heart beats.
    """
    proc = ProcRecord.read(run.proc)
    if proc is None or same_machine(proc.supervisor) or ExitRecord.read(run.exit):
        return
    why = f"run {run.id} may still be at work on {proc.host}: watching its heartbeat for {pulse.WATCH_SECONDS:.0f} s"
    if pulse.watch(run.path, lambda: say(why), pause):
        raise BadInput(f"run {run.id} is at work on {proc.host}: its heart beats")
