"""Claim an attempt at a run by creating `attempts/N` exclusively, which works on every file system.

`flock` is local to a machine on some network file systems, a lock that children do not inherit on others (NFS), and
missing on others again (Lustre, unless it is mounted with it).
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from engine.contract.errors import BadInput
from engine.contract.files import make_folder, read_json, sync_folder
from engine.contract.lines import file_mode
from engine.contract.run import pulse
from engine.contract.run.jobs import ATTEMPTS, last_ended
from engine.contract.run.process import Identity, running, same_machine
from engine.contract.run.records import Heartbeat
from engine.contract.values import build, encode_table


def claim_attempt(run_dir: Path, me: Identity) -> int:
    """Claim the attempt after the last one for a process, and return its number.

    A number that a dead process has claimed without ending its attempt is passed over.

    Raises:
        BadInput: another process has claimed the attempt, and may be alive.
        OSError: the folder cannot be written.
    """
    folder = run_dir / ATTEMPTS
    make_folder(folder, exist_ok=True)
    for number in itertools.count(last_ended(run_dir) + 1):
        try:
            fd = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, file_mode(run_dir))
        except FileExistsError:
            _refuse_living(run_dir, folder / str(number))
            continue
        try:
            os.fchmod(fd, file_mode(run_dir))
            os.write(fd, encode_table(me))
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(folder)
        return number
    raise AssertionError("there is always a next number")


def _refuse_living(run_dir: Path, claim: Path) -> None:
    """BadInput if the process that has made a claim may be alive.

    One of another machine may be if its heartbeat advances, or if it has just begun and has had no time for one. Both
    ages are by the clock of the file server.
    """
    owner = _owner(claim)
    if owner is not None and same_machine(owner):
        alive, who = running(owner), f"process {owner.pid}"
    else:
        os.utime(claim.parent)
        age = claim.parent.stat().st_mtime - claim.stat().st_mtime
        beat = Heartbeat.read(run_dir / "heartbeat.json")
        beats = owner is not None and beat is not None and beat.pid == owner.pid and pulse.read_pulse(run_dir).beating
        alive, who = beats or age < pulse.WATCH_SECONDS, owner.host if owner is not None else "another process"
    if alive:
        raise BadInput(f"run {run_dir.name}: {who} has already begun attempt {claim.name}")


def _owner(claim: Path) -> Identity | None:
    """Who has made a claim; None if that is not written yet, or was not written at all."""
    try:
        return build(Identity, read_json(claim) or {})
    except TypeError:
        return None
