"""The queue for devices, without a daemon: a waiting run is a ticket file that its supervisor keeps locked.

Folder (local to the host and to the user): `mutex`, `tickets/00000012.json`, `devices/GPU-8a1f.json`. A ticket whose
lock is free belongs to a dead supervisor. A device is taken while its lock is held, by the supervisor or by the trainer
that inherited it. Everything happens under one short mutex, and a run takes all of its devices at once or none, so runs
that want several devices cannot wait for each other in a circle.
"""

import json
import os
import platform
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from engine.launch import locks


@dataclass(frozen=True, slots=True)
class Want:
    """`count` of the devices named in `candidates`, in order of the user's preference."""

    candidates: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """A run in the queue: waiting for devices, or holding those in `held`."""

    number: int
    run: str
    folder: str
    candidates: tuple[str, ...]
    count: int
    since: float
    """When it began to wait or, once it holds devices, when it got them (unix seconds)."""
    held: tuple[str, ...] = ()
    place: int = 0
    """1 for the first of those that wait for the same devices; 0 when it holds them."""
    supervised: bool = True
    """False where only the trainer is left to hold the devices."""


def home() -> Path:
    """The queue's folder: $CIFAR_TUI_QUEUE, else one for this host in the user's state folder."""
    own = os.environ.get("CIFAR_TUI_QUEUE", "")
    if own:
        return Path(own).expanduser().absolute()
    return platformdirs.user_state_path("cifar-tui", appauthor=False) / "queue" / _file_name(platform.node() or "host")


class Line:
    """One supervisor's place in the line. Leaving or dying frees the ticket; devices stay with who holds their lock."""

    def __init__(self, run: str, folder: Path, want: Want, queue: Path | None = None) -> None:
        """Join the end of the line.

        Raises:
            OSError: the queue's folder cannot be written or locked.
        """
        self._queue = queue or home()
        for part in ("tickets", "devices"):
            (self._queue / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        with locks.held(self._queue / "mutex"):
            _living(self._queue)  # clears away the dead, so that numbers start again when the line is empty
            number = max((int(path.stem) for path in (self._queue / "tickets").glob("*.json")), default=0) + 1
            path = _ticket_path(self._queue, number)
            fd = locks.take(path)
            assert fd is not None  # the number is above every ticket's
            self.ticket = Ticket(number, run, str(folder), want.candidates, want.count, time.time())
            self._path, self._fd, self._device_fds = path, fd, list[int]()
            self.note = ""
            """Who holds the devices that this run waits for."""
            locks.write(fd, json.dumps(asdict(self.ticket)))

    def take(self, usable: Sequence[str]) -> bool:
        """Take `count` of the usable devices, best first, if all of them are free and nobody older wants them.

        Sets `ticket.held`, or `ticket.place` where the answer is no.
        """
        mine = set(self.ticket.candidates)
        with locks.held(self._queue / "mutex"):
            older = [other for other in _living(self._queue, self.ticket.number) if not other.held]
            ahead = [other for other in older if mine & set(other.candidates)]
            wanted = {key for other in older for key in other.candidates}
            self.ticket = replace(self.ticket, place=len(ahead) + 1)
            fds: dict[str, int] = {}
            for key in usable:
                if len(fds) < self.ticket.count and key in mine and key not in wanted:
                    fd = locks.take(_device_path(self._queue, key))
                    if fd is not None:
                        fds[key] = fd
            if len(fds) < self.ticket.count:
                for fd in fds.values():
                    os.close(fd)
                self.note = self._holders()
                return False
            self.ticket = replace(self.ticket, held=tuple(fds), place=0, since=time.time())
            for fd in (self._fd, *fds.values()):
                locks.write(fd, json.dumps(asdict(self.ticket)))
            self._device_fds = list(fds.values())
        return True

    def _holders(self) -> str:
        paths = (_device_path(self._queue, key) for key in self.ticket.candidates)
        holders = {ticket.run: None for path in paths if locks.is_held(path) and (ticket := _read(path))}
        return "held by " + ", ".join(holders) if holders else ""

    @property
    def device_fds(self) -> tuple[int, ...]:
        """The locks of the devices held: a child that inherits them holds the devices as well."""
        return tuple(self._device_fds)

    def leave(self) -> None:
        """Give up the ticket and this process's hold on the devices."""
        with suppress(FileNotFoundError), locks.held(self._queue / "mutex"):  # someone may have removed the folder
            self._path.unlink(missing_ok=True)
        for fd in (self._fd, *self._device_fds):
            os.close(fd)
        self._device_fds = []


def tickets(queue: Path | None = None) -> list[Ticket]:
    """Everyone in the queue: who holds devices first, then who waits, in order.

    Devices that an orphaned trainer still holds appear with `supervised=False`.
    """
    queue = queue or home()
    if not (queue / "mutex").exists():
        return []
    with locks.held(queue / "mutex"):
        living = _living(queue)
        known = {key for ticket in living for key in ticket.held}
        orphans: dict[str, Ticket] = {}
        for path in sorted((queue / "devices").glob("*.json")):
            if path.stem not in {_file_name(key) for key in known} and locks.is_held(path):
                holder = _read(path)
                if holder is not None:
                    orphans[holder.folder] = replace(holder, supervised=False)
    waiting = [ticket for ticket in living if not ticket.held]
    placed = [
        replace(ticket, place=1 + sum(bool({*ticket.candidates} & {*other.candidates}) for other in waiting[:i]))
        for i, ticket in enumerate(waiting)
    ]
    return [*orphans.values(), *(ticket for ticket in living if ticket.held), *placed]


def _living(queue: Path, below: int | None = None) -> list[Ticket]:
    """Tickets of living supervisors, oldest first; those of the dead are removed. The caller holds the mutex."""
    found = []
    for path in sorted((queue / "tickets").glob("*.json")):
        if below is not None and int(path.stem) >= below:
            continue
        if not locks.is_held(path):
            path.unlink(missing_ok=True)
            continue
        ticket = _read(path)
        if ticket is not None:
            found.append(ticket)
    return found


def _read(path: Path) -> Ticket | None:
    """A ticket from its file; None where the file does not say what it should."""
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        return Ticket(**data | {key: tuple(data[key]) for key in ("candidates", "held")})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _ticket_path(queue: Path, number: int) -> Path:
    return queue / "tickets" / f"{number:08d}.json"


def _device_path(queue: Path, key: str) -> Path:
    return queue / "devices" / f"{_file_name(key)}.json"


def _file_name(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9._#-]", "_", key)
