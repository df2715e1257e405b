"""Which processes belong to a run, and whether they are still alive.

A process id alone proves nothing: ids are reused, files are copied between machines, machines restart. So a process is
identified by boot, process namespace, id and start time in ticks since boot (which setting the clock does not change),
and it must have the run folder on its command line. Only the same boot and namespace count as the same machine,
whatever its name; for another machine there is only the heartbeat to go by (see `engine.contract.run.pulse`).
"""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal

import psutil

from engine.contract.home import folder_key, is_gone
from engine.contract.run import pulse
from engine.contract.run.records import ExitRecord, Heartbeat, Identity, ProcRecord

__all__ = [
    "ExitRecord",
    "Heartbeat",
    "Identity",
    "ProcRecord",
    "alive",
    "boot_id",
    "host_name",
    "identify",
    "me",
    "pid_namespace",
    "presence",
    "running",
    "same_machine",
]

TOLERANCE: Final = 2.0  # seconds; tools round creation times differently


def host_name() -> str:
    return socket.gethostname()


@functools.cache
def boot_id() -> str:
    """Changes with every boot; empty if the system does not provide it."""
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False
        )
        return asked.stdout.strip()
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@functools.cache
def pid_namespace() -> str:
    """The namespace in which process ids are valid; empty if the system has no namespaces."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # the text of the link is the answer
    except OSError:
        return ""


def identify(pid: int) -> Identity:
    """The identity of a process of this machine; psutil.NoSuchProcess if there is none."""
    created = psutil.Process(pid).create_time()
    return Identity(host_name(), boot_id(), pid, created, start_ticks(pid), pid_namespace())


def me() -> Identity:
    """The identity of this process."""
    return identify(os.getpid())


def start_ticks(pid: int) -> int:
    """When a process was started, in clock ticks since boot; 0 if unavailable (macOS) or if there is no process."""
    try:
        # proc(5): the 22nd field; the second one is a name in brackets that may contain anything
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def same_machine(identity: Identity) -> bool:
    """Whether the process, if alive, can be inspected and signaled from here."""
    if identity.boot_id != boot_id():
        return False
    if identity.pid_namespace and pid_namespace():
        return identity.pid_namespace == pid_namespace()
    return identity.host == host_name()  # the record of an earlier version, or a system without namespaces


Presence = Literal["here", "moved", "gone"]


def presence(identity: Identity, run_dir: Path, now: float | None = None) -> Presence:
    """How a process relates to a run.

    "here": it works on the run; for a process on another machine: its heartbeat seems to advance. "moved": it is alive
    and works on the run, but the folder is no longer at the path that it knows. "gone": it is dead, or unrelated.

    Args:
        now: seconds since 1970, for tests; the clock by default.
    """
    if identity.pid <= 1:  # for kill(2), 0 and -1 mean groups; 1 is init: never ours
        return "gone"
    if not same_machine(identity):
        return "here" if pulse.read_pulse(run_dir, now).beating else "gone"
    return _inspect(identity, run_dir)


def alive(identity: Identity, run_dir: Path) -> bool:
    """Whether the process works on the run, and the run is at the path that the process knows."""
    return presence(identity, run_dir) == "here"


def running(identity: Identity) -> bool:
    """Whether a process of this machine that is known to have worked on a run is alive, wherever the run is by now."""
    try:
        process = psutil.Process(identity.pid)
        return _same_start(process, identity) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OverflowError):
        return False


def _inspect(identity: Identity, run_dir: Path) -> Presence:
    """How a process of this machine relates to a run."""
    try:
        process = psutil.Process(identity.pid)
        if not _same_start(process, identity) or process.status() == psutil.STATUS_ZOMBIE:
            return "gone"
        command = process.cmdline()
    except psutil.AccessDenied:  # another user's process on macOS: id, boot and start time agree
        command = []
    except (psutil.Error, OverflowError):
        return "gone"
    is_its_folder = identity.folder in ("", folder_key(run_dir))
    if not command or _names(command, run_dir):  # a process being started briefly has no command line
        return "here" if is_its_folder else "gone"  # else another folder has taken its place
    if (identity.folder and is_its_folder) or _names_missing_folder(command, run_dir):
        return "moved"
    return "gone"


def _same_start(process: psutil.Process, identity: Identity) -> bool:
    """Whether the process was started at the time in the identity."""
    ticks = start_ticks(identity.pid) if identity.start_ticks else 0
    if ticks:
        return ticks == identity.start_ticks
    return bool(abs(process.create_time() - identity.create_time) <= TOLERANCE)  # False for NaN


def _names(command: list[str], run_dir: Path) -> bool:
    """Whether an argument is a path of the run folder, in any spelling."""
    folder = run_dir.resolve()
    return any(word.rstrip("/").endswith(folder.name) and Path(word).resolve() == folder for word in command)


def _names_missing_folder(command: list[str], run_dir: Path) -> bool:
    """Whether an argument is a folder with the run's name that does not exist: the run was moved to another disk."""
    paths = [Path(word) for word in command if word.startswith("/")]
    return any(path.name == run_dir.name and is_gone(path) for path in paths)
