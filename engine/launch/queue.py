"""The queue for devices, without a daemon: a waiting run is a ticket file that its supervisor keeps locked.

Folder (local to the host and to the user): `mutex`, `tickets/00000012.json`, `devices/GPU-8a1f.json`. A ticket whose
lock is free belongs to a dead supervisor. A device is taken while its lock is held, by the supervisor or by the trainer
that inherited it. Everything happens under one short mutex, and a run takes all of its devices at once or none, so runs
that want several devices cannot wait for each other in a circle.

Nothing here is waited for without end: who cannot have the mutex is told who holds it. The folder may be removed at any
time; those in line then make it anew and come back with their numbers. What is no file of ours is left alone.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract import flock
from engine.contract.errors import BadInput
from engine.contract.files import read_json
from engine.contract.values import build, encode_table
from engine.launch import locks

PATIENCE: Final = 1.0  # seconds to wait for the mutex; a supervisor that has to obey orders comes back to them after it
GLANCE: Final = 0.5  # the same for who only wants to look
SETTLE_SECONDS: Final = 5.0
"""After the folder was removed: holders of devices look this often after theirs at least, and are let go first."""
TICKET: Final = re.compile(r"\d{8,}\.json")


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
            Busy: another process keeps the queue locked.
            BadInput: the queue's folder cannot be written or locked.
        """
        self._queue = queue or home()
        self._devices: dict[str, int] = {}
        self._settled = 0.0
        self.note = ""
        """Who or what this run waits for."""
        with _mutex(self._queue, PATIENCE):
            for _ in _living(self._queue, tidy=True):  # so that numbers start again when the line is empty
                pass
            number = max(_numbers(self._queue), default=0) + 1
            self.ticket = Ticket(number, run, str(folder), want.candidates, want.count, time.time())
            self._fd = self._claim(number)

    def take(self, usable: Sequence[str]) -> bool:
        """Take `count` of the usable devices, best first, if all of them are free and nobody older wants them.

        Sets `ticket.held`, or `ticket.place` and `note` where the answer is no.

        Raises:
            Busy: another process keeps the queue locked.
            BadInput: the queue's folder cannot be written or locked.
        """
        mine = set(self.ticket.candidates)
        with _mutex(self._queue, PATIENCE):
            self._come_back()
            older = [other for other in _living(self._queue, self.ticket.number, tidy=True) if not other.held]
            ahead = [other for other in older if mine & set(other.candidates)]
            wanted = {key for other in older for key in other.candidates}
            self.ticket = replace(self.ticket, place=len(ahead) + 1)
            if time.monotonic() < self._settled:
                self.note = "the queue's folder was removed; back in line"
                return False
            free = [key for key in usable if key in mine and key not in wanted]
            fds, faults = self._lock(free)
            if len(fds) < self.ticket.count:
                for fd in fds.values():
                    os.close(fd)
                self.note = self._holders() or "; ".join(faults) or self._ahead(ahead)
                return False
            taken = replace(self.ticket, held=tuple(fds), place=0, since=time.time())
            try:
                for fd in (self._fd, *fds.values()):
                    _say(fd, taken)
            except OSError:  # a full disk: a device that is kept without a word would be lost to everyone
                for fd in fds.values():
                    os.close(fd)
                raise
            self.ticket, self._devices = taken, fds
        return True

    def keep(self) -> str:
        """Put ticket and devices back where the queue's folder was removed under a run that holds them.

        The trainer goes on holding the removed files only, so from then on a device is kept by this process alone.

        Returns:
            What is in the way of it, "" where all is well. Never raises: the run goes on in any case.
        """
        lost = [key for key, fd in self._devices.items() if not locks.leads_to(_device_path(self._queue, key), fd)]
        if not lost and locks.leads_to(self._path, self._fd):
            return ""
        try:
            with _mutex(self._queue, PATIENCE):
                self._come_back()
                fds, faults = self._lock(lost)
                for key, fd in fds.items():
                    os.close(self._devices[key])
                    self._devices[key] = fd
                    _say(fd, self.ticket)
        except BadInput as problem:
            return str(problem)
        taken = [f"another run was given {key} when the queue's folder was removed" for key in lost if key not in fds]
        return "; ".join(faults or taken)

    @property
    def device_fds(self) -> tuple[int, ...]:
        """The locks of the devices held: a child that inherits them holds the devices as well."""
        return tuple(self._devices.values())

    def leave(self) -> None:
        """Give up the ticket and this process's hold on the devices."""
        # A ticket that stays behind because the queue is locked or gone is a dead one's, cleared away by the next.
        with suppress(BadInput), _mutex(self._queue, PATIENCE, make=False):
            if locks.leads_to(self._path, self._fd):
                self._path.unlink()
        for fd in (self._fd, *self._devices.values()):
            os.close(fd)
        self._devices = {}

    @property
    def _path(self) -> Path:
        return _ticket_path(self._queue, self.ticket.number)

    def _claim(self, number: int) -> int:
        """Make and lock the ticket's file under the first free number from this one on."""
        used = _numbers(self._queue)
        while number in used:
            number += 1
        path = _ticket_path(self._queue, number)
        fd = locks.take(path)
        assert fd is not None  # under the mutex nobody else makes files here
        ticket = replace(self.ticket, number=number)
        try:
            _say(fd, ticket)
        except OSError:  # a full disk
            os.close(fd)
            path.unlink()
            raise
        self.ticket = ticket
        return fd

    def _come_back(self) -> None:
        """Join again, with the old number if nobody has it, where the ticket's file has been removed."""
        if not locks.leads_to(self._path, self._fd):
            fresh = self._claim(self.ticket.number)
            os.close(self._fd)
            self._fd = fresh
            self._settled = time.monotonic() + SETTLE_SECONDS

    def _lock(self, keys: Sequence[str]) -> tuple[dict[str, int], list[str]]:
        """The locks of as many of these devices as the run needs, and what is wrong with files in their place."""
        fds: dict[str, int] = {}
        faults = []
        for key in keys:
            if len(fds) == self.ticket.count:
                break
            path = _device_path(self._queue, key)
            try:
                fd = locks.take(path)
            except OSError as error:
                faults.append(f"cannot lock {path}: {error.strerror}")
                continue
            if fd is not None:
                fds[key] = fd
        return fds, faults

    def _holders(self) -> str:
        paths = (_device_path(self._queue, key) for key in self.ticket.candidates)
        holders = {ticket.run: None for path in paths if _is_held(path) and (ticket := _read(path))}
        return "held by " + ", ".join(holders) if holders else ""

    def _ahead(self, ahead: Sequence[Ticket]) -> str:
        """Who is next in a line that does not move; a supervisor that was stopped is named with the way out."""
        if not ahead:
            return ""
        said = f"behind run {ahead[0].run}"
        with suppress(OSError), _ticket_path(self._queue, ahead[0].number).open("rb") as file:
            if flock.is_stopped(pid := flock.holder(file.fileno())):
                said += f" of {flock.describe(pid)}"
        return said


def tickets(queue: Path | None = None) -> list[Ticket]:
    """Everyone in the queue: who holds devices first, then who waits, in order.

    Devices that an orphaned trainer still holds appear with `supervised=False`.
    """
    return look(queue)[0]


def look(queue: Path | None = None) -> tuple[list[Ticket], str]:
    """The tickets, and what is wrong with the queue ("" for nothing). Never raises, and waits for no one long."""
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
            stack.enter_context(_mutex(queue, GLANCE, make=False))
        except BadInput as problem:  # whoever holds the mutex stands still: what lies there can be read all the same
            trouble = str(problem)
        living = _living(queue, tidy=not trouble)
        known = {key for ticket in living for key in ticket.held}
        orphans: dict[str, Ticket] = {}
        for path in sorted((queue / "devices").glob("*.json")):
            if path.stem not in {_file_name(key) for key in known} and _is_held(path):
                holder = _read(path)
                if holder is not None:
                    orphans[holder.folder] = replace(holder, supervised=False)
    waiting = [ticket for ticket in living if not ticket.held]
    placed = [
        replace(ticket, place=1 + sum(bool(set(ticket.candidates) & set(other.candidates)) for other in waiting[:i]))
        for i, ticket in enumerate(waiting)
    ]
    return [*orphans.values(), *(ticket for ticket in living if ticket.held), *placed], trouble


@contextmanager
def _mutex(queue: Path, patience: float, *, make: bool = True) -> Iterator[None]:
    """Hold the queue's lock, in a folder that is made where it is missing.

    Raises:
        Busy: another process still holds it after `patience` seconds.
        BadInput: the folder cannot be made, written or locked.
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
        if (queue / part).is_symlink():  # dead tickets are removed there, and must not be elsewhere
            raise OSError(errno.ELOOP, "is a link", str(queue / part))


def _numbers(queue: Path) -> list[int]:
    """The numbers that are in use, by tickets or by whatever else has such a name."""
    try:
        return sorted(int(path.stem) for path in (queue / "tickets").iterdir() if TICKET.fullmatch(path.name))
    except OSError:  # missing, or no folder of ours: nobody is in it
        return []


def _living(queue: Path, below: int | None = None, *, tidy: bool) -> list[Ticket]:
    """Tickets of living supervisors, oldest first.

    Args:
        below: only those with smaller numbers.
        tidy: remove those of the dead; for a caller that holds the mutex.
    """
    found = []
    for number in _numbers(queue):
        if below is not None and number >= below:
            continue
        path = _ticket_path(queue, number)
        try:
            if not locks.is_held(path):
                if tidy:
                    path.unlink(missing_ok=True)
                continue
        except OSError:  # a link, a folder, somebody else's file: not ours to use or to remove
            continue
        ticket = _read(path)
        if ticket is not None:
            found.append(replace(ticket, number=number))
    return found


def _is_held(path: Path) -> bool:
    try:
        return locks.is_held(path)
    except OSError:  # no file of ours
        return False


def _say(fd: int, ticket: Ticket) -> None:
    locks.write(fd, encode_table(asdict(ticket)).decode())


def _read(path: Path) -> Ticket | None:
    """A ticket from its file; None where the file does not say what it should."""
    try:
        return build(Ticket, read_json(path) or {})
    except TypeError:
        return None


def _ticket_path(queue: Path, number: int) -> Path:
    return queue / "tickets" / f"{number:08d}.json"


def _device_path(queue: Path, key: str) -> Path:
    return queue / "devices" / f"{_file_name(key)}.json"


def _file_name(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9._#-]", "_", key)
