"""Which process a run belongs to, and whether it still lives.

A process id alone says nothing: ids are used again, files are copied between machines, machines restart. So a process
is known by host, boot, id and creation time, and it must have the run folder on its command line. On another host
nothing can be asked but the age of the heartbeat.
"""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from engine.contract.records import ExitRecord, Heartbeat, Identity, ProcRecord

__all__ = [
    "ExitRecord",
    "Heartbeat",
    "Identity",
    "ProcRecord",
    "alive",
    "boot_id",
    "heartbeat_age",
    "host_name",
    "identify",
    "me",
]

TOLERANCE: Final = 2.0  # seconds; creation times are rounded differently by different tools
STALE_SECONDS: Final = 30.0  # a heartbeat this old is dead, for who cannot look at the process
SKEW_SECONDS: Final = 60.0  # clocks of two hosts may differ this much; a beat further in the future is no beat


def host_name() -> str:
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """Differs after every boot; empty where the system does not tell."""
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip()
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def identify(pid: int) -> Identity:
    """The identity of a process of this machine; psutil.NoSuchProcess when there is none."""
    return Identity(host_name(), boot_id(), pid, psutil.Process(pid).create_time())


def me() -> Identity:
    """This process."""
    return identify(os.getpid())


def alive(identity: Identity, run_dir: Path) -> bool:
    """Whether the process still works on that run. On another host: whether its heartbeat is fresh."""
    if identity.pid <= 1:  # 0 and -1 mean groups to kill(2), 1 is init: never ours
        return False
    if identity.host != host_name():
        return -SKEW_SECONDS <= heartbeat_age(run_dir) <= STALE_SECONDS
    if identity.boot_id != boot_id():
        return False
    try:
        process = psutil.Process(identity.pid)
        if not abs(process.create_time() - identity.create_time) <= TOLERANCE:  # so that NaN is a stranger
            return False
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        command = process.cmdline()
        return not command or _names(command, run_dir)  # for a moment, a process being started has none
    except psutil.AccessDenied:  # another user's process on macOS: id, boot and creation time agree
        return True
    except (psutil.Error, OverflowError):
        return False


def _names(command: list[str], run_dir: Path) -> bool:
    """Whether an argument is the run folder, however it is spelled."""
    folder = run_dir.resolve()
    return any(word.rstrip("/").endswith(folder.name) and Path(word).resolve() == folder for word in command)


def heartbeat_age(run_dir: Path, now: float | None = None) -> float:
    """Seconds since the supervisor's last beat (negative: its clock is ahead); infinite when there is none."""
    beat = Heartbeat.read(run_dir / "heartbeat.json")
    return (time.time() if now is None else now) - beat.t if beat else float("inf")
