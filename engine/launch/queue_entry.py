"""A supervisor's entry in the queue: join, take devices, keep them, leave.

The queue's folder may be removed at any time. The supervisors in line recreate it and rejoin with their old numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.contract import flock
from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.launch import locks, queue
from engine.launch.queue import DeviceRequest, Ticket

PATIENCE: Final = 1.0  # seconds to wait for the mutex; meanwhile a supervisor does not react to requests
SETTLE_SECONDS: Final = 5.0
"""How long a rejoined run waits after the folder was removed: by then every holder of devices has locked them again."""


class QueueEntry:
    """One supervisor's entry. Its end frees the ticket; devices stay with the processes that hold their locks."""

    def __init__(self, run: str, folder: Path, request: DeviceRequest, place: Path | None = None) -> None:
        """Join the end of the line.

        Args:
            place: the queue's folder; by default this host's.

        Raises:
            Busy: another process keeps the queue locked.
            BadInput: the queue's folder cannot be written or locked.
        """
        self._queue = place or queue.home()
        self._devices: dict[str, int] = {}
        self._settled = 0.0
        self.note = ""
        """Which run or what this run waits for."""
        with queue.mutex(self._queue, PATIENCE):
            queue.living(self._queue, tidy=True)  # so that numbers start again once the queue is empty
            number = max(queue.numbers(self._queue), default=0) + 1
            self.ticket = Ticket(number, run, str(folder), request.candidates, request.count, time.time())
            self._fd = self._claim(number)

    def take(self, usable: Sequence[str]) -> bool:
        """Take `count` of the usable devices, best first, if so many are free and no older entry waits for them.

        Sets `ticket.held` on success, else `ticket.place` and `note`.

        Raises:
            Busy: another process keeps the queue locked.
            BadInput: the queue's folder cannot be written or locked.
        """
        mine = set(self.ticket.candidates)
        with queue.mutex(self._queue, PATIENCE):
            self._rejoin()
            older = [other for other in queue.living(self._queue, self.ticket.number, tidy=True) if not other.held]
            ahead = [other for other in older if mine & set(other.candidates)]
            wanted = {key for other in older for key in other.candidates}
            self.ticket = replace(self.ticket, place=len(ahead) + 1)
            if time.monotonic() < self._settled:
                self.note = "the queue's folder was removed; rejoined the queue"
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
                    queue.write(fd, taken)
            except OSError:  # a full disk: a device held without a record would look free and be lost
                for fd in fds.values():
                    os.close(fd)
                raise
            self.ticket, self._devices = taken, fds
        return True

    def keep(self) -> str:
        """Restore ticket and device files if the queue's folder was removed while the run holds devices.

        The trainer still holds the removed files only, so from then on the device is locked by this process alone.

        Returns:
            Why that failed, "" if nothing is wrong. Never raises: training continues in any case.
        """
        lost = [key for key, fd in self._devices.items() if not locks.leads_to(queue.device_path(self._queue, key), fd)]
        if not lost and locks.leads_to(self._path, self._fd):
            return ""
        try:
            with queue.mutex(self._queue, PATIENCE):
                self._rejoin()
                fds, faults = self._lock(lost)
                for key, fd in fds.items():
                    os.close(self._devices[key])
                    self._devices[key] = fd
                    queue.write(fd, self.ticket)
        except BadInput as problem:
            return str(problem)
        taken = [f"another run took {key} after the queue's folder was removed" for key in lost if key not in fds]
        return "; ".join(faults or taken)

    @property
    def device_fds(self) -> tuple[int, ...]:
        """The locks of the devices it holds; a child that inherits them holds the devices as well."""
        return tuple(self._devices.values())

    def leave(self) -> None:
        """Give up the ticket and this process's locks on the devices."""
        # If the queue is locked or gone the ticket stays behind; the next supervisor removes it as a dead one's.
        with suppress(BadInput), queue.mutex(self._queue, PATIENCE, make=False):
            if locks.leads_to(self._path, self._fd):
                self._path.unlink()
        for fd in (self._fd, *self._devices.values()):
            os.close(fd)
        self._devices = {}

    @property
    def _path(self) -> Path:
        return queue.ticket_path(self._queue, self.ticket.number)

    def _claim(self, number: int) -> int:
        """Create and lock the ticket's file under the first free number from this one on."""
        used = queue.numbers(self._queue)
        while number in used:
            number += 1
        path = queue.ticket_path(self._queue, number)
        fd = locks.take(path)
        assert fd is not None  # nobody else creates files here while the mutex is held
        ticket = replace(self.ticket, number=number)
        try:
            queue.write(fd, ticket)
        except OSError:  # a full disk
            os.close(fd)
            path.unlink()
            raise
        self.ticket = ticket
        return fd

    def _rejoin(self) -> None:
        """Join again if the ticket's file has been removed, with the old number if it is free."""
        if not locks.leads_to(self._path, self._fd):
            fresh = self._claim(self.ticket.number)
            os.close(self._fd)
            self._fd = fresh
            self._settled = time.monotonic() + SETTLE_SECONDS

    def _lock(self, keys: Sequence[str]) -> tuple[dict[str, int], list[str]]:
        """Locks of as many of these devices as the run needs, and an error for each lock file that cannot be used."""
        fds: dict[str, int] = {}
        faults = []
        for key in keys:
            if len(fds) == self.ticket.count:
                break
            path = queue.device_path(self._queue, key)
            try:
                fd = locks.take(path)
            except OSError as error:
                faults.append(f"cannot lock {path}: {error.strerror}")
                continue
            if fd is not None:
                fds[key] = fd
        return fds, faults

    def _holders(self) -> str:
        paths = (queue.device_path(self._queue, key) for key in self.ticket.candidates)
        holders = {ticket.run: None for path in paths if queue.is_held(path) and (ticket := queue.read(path))}
        return "held by " + ", ".join(holders) if holders else ""

    def _ahead(self, ahead: Sequence[Ticket]) -> str:
        """The run at the head of the line; if its supervisor is stopped (Ctrl-Z), also how to continue it."""
        if not ahead:
            return ""
        note = f"behind run {ahead[0].run}"
        with suppress(OSError):
            ticket = open_regular(queue.ticket_path(self._queue, ahead[0].number))
            try:
                if flock.is_stopped(pid := flock.holder(ticket)):
                    note += f" of {flock.describe(pid)}"
            finally:
                os.close(ticket)
        return note
