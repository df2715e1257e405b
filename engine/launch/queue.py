"""The queue for devices, without a daemon: a waiting run is a ticket file that its supervisor keeps locked.

The folder is local to the host and the user: `mutex`, `tickets/00000012.json`, `devices/GPU-8a1f.json`. A ticket whose
lock is free belongs to a dead supervisor. A device is taken while its lock is held, by the supervisor or by the trainer
that inherited it. Every change happens under one mutex that is held briefly, and a run takes all of its devices at once
or none, so runs that need several devices cannot deadlock.

No wait is unlimited: a process that cannot get the mutex in time learns who holds it. Files that are not the queue's
own are left alone.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract.errors import BadInput, user_path
from engine.contract.files import read_json
from engine.contract.values import build, encode_table
from engine.launch import locks

INSPECT_SECONDS: Final = 0.5  # how long `inspect` waits for the mutex
TICKET: Final = re.compile(r"\d{8,}\.json")


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """`count` devices out of `candidates`, which are in order of the user's preference."""

    candidates: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run in the queue: it waits for devices, or holds those in `held`."""

    number: int
    run: str
    folder: str
    candidates: tuple[str, ...]
    count: int
    since: float
    """When it began to wait or, once it holds devices, when it got them (seconds since 1970)."""
    held: tuple[str, ...] = ()
    place: int = 0
    """From 1, among the runs that wait for the same devices; 0 if it holds its devices."""
    supervised: bool = True
    """False if the supervisor is gone and only the trainer still holds the devices."""


def home() -> Path:
    """The queue's folder: $CIFAR_TUI_QUEUE, else a folder for this host in the user's state folder."""
    own = os.environ.get("CIFAR_TUI_QUEUE", "")
    if own:
        return user_path(own).absolute()
    return platformdirs.user_state_path("cifar-tui", appauthor=False) / "queue" / _file_name(platform.node() or "host")


def tickets(queue: Path | None = None) -> list[Ticket]:
    """All tickets in the queue: those that hold devices first, then those that wait, in order.

    A trainer without a supervisor that still holds devices appears with `supervised=False`.
    """
    return inspect(queue)[0]


def inspect(queue: Path | None = None) -> tuple[list[Ticket], str]:
    """The tickets, and what is wrong with the queue ("" if nothing is). Never raises, and waits 0.5 s at most."""
    queue = queue or home()
    try:
        (queue / "mutex").lstat()
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"cannot read the queue's folder {queue}: {error.strerror}"
    with ExitStack() as stack:
        trouble = ""
        try:
            stack.enter_context(mutex(queue, INSPECT_SECONDS, make=False))
        except BadInput as problem:  # the holder of the mutex is stopped: the files can be read all the same
            trouble = str(problem)
        alive = living(queue, tidy=not trouble)
        known = {key for ticket in alive for key in ticket.held}
        orphans: dict[str, Ticket] = {}
        for path in sorted((queue / "devices").glob("*.json")):
            if path.stem not in {_file_name(key) for key in known} and is_held(path):
                holder = read(path)
                if holder is not None:
                    orphans[holder.folder] = replace(holder, supervised=False)
    waiting = [ticket for ticket in alive if not ticket.held]
    placed = [
        replace(ticket, place=1 + sum(bool(set(ticket.candidates) & set(other.candidates)) for other in waiting[:i]))
        for i, ticket in enumerate(waiting)
    ]
    return [*orphans.values(), *(ticket for ticket in alive if ticket.held), *placed], trouble


@contextmanager
def mutex(queue: Path, patience: float, *, make: bool = True) -> Iterator[None]:
    """Hold the queue's lock, creating the folder if it is missing (unless `make` is false).

    Raises:
        Busy: another process still holds it after `patience` seconds.
        BadInput: the folder cannot be created, written or locked.
    """
    deadline = time.monotonic() + patience
    try:
        with ExitStack() as stack:
            while True:
                if make:
                    _make(queue)
                try:
                    stack.enter_context(locks.held(queue / "mutex", patience))
                    break
                except FileNotFoundError:  # it is being removed
                    if not make or time.monotonic() >= deadline:
                        raise
                time.sleep(0.01)
            yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BadInput(f"cannot use the queue's folder {queue}: {error.strerror}{where}") from error


def _make(queue: Path) -> None:
    for part in ("tickets", "devices"):
        (queue / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        if (queue / part).is_symlink():  # dead tickets are removed in it, which must not happen elsewhere
            raise OSError(errno.ELOOP, "is a link", str(queue / part))


def numbers(queue: Path) -> list[int]:
    """The numbers in use, by tickets or by anything else with such a name."""
    try:
        return sorted(int(path.stem) for path in (queue / "tickets").iterdir() if TICKET.fullmatch(path.name))
    except OSError:  # missing, or not a folder of the queue: nothing is in it
        return []


def living(queue: Path, below: int | None = None, *, tidy: bool) -> list[Ticket]:
    """Tickets of living supervisors, oldest first.

    Args:
        below: only those with smaller numbers.
        tidy: remove the tickets of dead supervisors; only for a caller that holds the mutex.
    """
    found = []
    for number in numbers(queue):
        if below is not None and number >= below:
            continue
        path = ticket_path(queue, number)
        try:
            if not locks.is_held(path):
                if tidy:
                    path.unlink(missing_ok=True)
                continue
        except OSError:  # a link, a folder, another user's file: neither used nor removed
            continue
        ticket = read(path)
        if ticket is not None:
            found.append(replace(ticket, number=number))
    return found


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of a ticket or device; False for anything that is not such a file."""
    try:
        return locks.is_held(path)
    except OSError:  # not a file of the queue
        return False


def write(fd: int, ticket: Ticket) -> None:
    """Write a ticket into its locked file, or into that of a device it holds. OSError if the disk is full."""
    locks.write(fd, encode_table(asdict(ticket)).decode())


def read(path: Path) -> Ticket | None:
    """A ticket from its file; None if the file is not a valid ticket."""
    try:
        return build(Ticket, read_json(path) or {})
    except TypeError:
        return None


def ticket_path(queue: Path, number: int) -> Path:
    return queue / "tickets" / f"{number:08d}.json"


def device_path(queue: Path, key: str) -> Path:
    return queue / "devices" / f"{_file_name(key)}.json"


def _file_name(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9._#-]", "_", key)
