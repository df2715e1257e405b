"""Which process a run belongs to, and whether it still lives.

A process id alone says nothing: ids are used again, files are copied between machines, machines restart. So a process
is known by boot, process namespace, id and start in ticks since boot (no step of the clock changes those), and it must
have the run folder on its command line. Only the same boot and namespace is the same machine, whatever it is called:
elsewhere nothing can be asked but the heartbeat (see `engine.contract.run.pulse`).
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

TOLERANCE: Final = 2.0  # seconds; creation times are rounded differently by different tools


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


@functools.cache
def pid_namespace() -> str:
    """Among which processes this one's numbers count; empty where the system has no such thing."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # the text of the link is the answer
    except OSError:
        return ""


def identify(pid: int) -> Identity:
    """The identity of a process of this machine; psutil.NoSuchProcess when there is none."""
    created = psutil.Process(pid).create_time()
    return Identity(host_name(), boot_id(), pid, created, start_ticks(pid), pid_namespace())


def me() -> Identity:
    """This process."""
    return identify(os.getpid())


def start_ticks(pid: int) -> int:
    """When a process was started, in clock ticks since boot; 0 where nobody tells (macOS) or there is no process."""
    try:
        # proc(5): the 22nd field, and the second one is a name in brackets that may hold anything
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def same_machine(identity: Identity) -> bool:
    """Whether the process, if it lives, is one that can be seen and signalled from here."""
    if identity.boot_id != boot_id():
        return False
    if identity.pid_namespace and pid_namespace():
        return identity.pid_namespace == pid_namespace()
    return identity.host == host_name()  # a record of an earlier version, or a system without namespaces


Presence = Literal["here", "moved", "gone"]


def presence(identity: Identity, run_dir: Path, now: float | None = None) -> Presence:
    """What a process has to do with a run.

    "here": it works on it; of one on another machine: its heart beats, as far as one can tell. "moved": it lives and
    works on it, but knows it under a path where it does not lie any more. "gone": it is dead, or a stranger.

    Args:
        now: seconds since 1970, for tests; the clock by default.
    """
    if identity.pid <= 1:  # 0 and -1 mean groups to kill(2), 1 is init: never ours
        return "gone"
    if not same_machine(identity):
        return "here" if pulse.feel(run_dir, now).beating else "gone"
    return _look(identity, run_dir)


def alive(identity: Identity, run_dir: Path) -> bool:
    """Whether the process works on that run, which lies where the process knows it."""
    return presence(identity, run_dir) == "here"


def running(identity: Identity) -> bool:
    """Whether a process of this machine that was known to work on a run has not ended yet, wherever the run lies."""
    try:
        process = psutil.Process(identity.pid)
        return _same_start(process, identity) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OverflowError):
        return False


def _look(identity: Identity, run_dir: Path) -> Presence:
    """What a process of this machine has to do with a run."""
    try:
        process = psutil.Process(identity.pid)
        if not _same_start(process, identity) or process.status() == psutil.STATUS_ZOMBIE:
            return "gone"
        command = process.cmdline()
    except psutil.AccessDenied:  # another user's process on macOS: id, boot and creation time agree
        command = []
    except (psutil.Error, OverflowError):
        return "gone"
    is_its_folder = identity.folder in ("", folder_key(run_dir))
    if not command or _names(command, run_dir):  # for a moment, a process being started has no command line
        return "here" if is_its_folder else "gone"  # else another folder has taken the place of its own
    if (identity.folder and is_its_folder) or _names_a_ghost(command, run_dir):
        return "moved"
    return "gone"


def _same_start(process: psutil.Process, identity: Identity) -> bool:
    """Whether the process was started when the identity says."""
    ticks = start_ticks(identity.pid) if identity.start_ticks else 0
    if ticks:
        return ticks == identity.start_ticks
    return bool(abs(process.create_time() - identity.create_time) <= TOLERANCE)  # so that NaN is a stranger


def _names(command: list[str], run_dir: Path) -> bool:
    """Whether an argument is the run folder, however it is spelled."""
    folder = run_dir.resolve()
    return any(word.rstrip("/").endswith(folder.name) and Path(word).resolve() == folder for word in command)


def _names_a_ghost(command: list[str], run_dir: Path) -> bool:
    """Whether an argument is a folder of the run's name that does not exist: the run was moved to another disk."""
    paths = [Path(word) for word in command if word.startswith("/")]
    return any(path.name == run_dir.name and is_gone(path) for path in paths)
