"""A supervisor's place in the queue: joining it, taking devices, keeping and leaving them.

The queue's folder may be removed at any time. Those in line then make it anew and come back with their old numbers.
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
from engine.launch.queue import Ticket, Want

PATIENCE: Final = 1.0  # seconds to wait for the mutex; a supervisor that has to obey orders comes back to them after it
SETTLE_SECONDS: Final = 5.0
"""After the folder was removed: holders of devices look this often after theirs at least, and are let go first."""


class Line:
    """One supervisor's place in the line. Leaving or dying frees the ticket; devices stay with who holds their lock."""

    def __init__(self, run: str, folder: Path, want: Want, place: Path | None = None) -> None:
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
        """Who or what this run waits for."""
        with queue.mutex(self._queue, PATIENCE):
            queue.living(self._queue, tidy=True)  # so that numbers start again when the line is empty
            number = max(queue.numbers(self._queue), default=0) + 1
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
        with queue.mutex(self._queue, PATIENCE):
            self._come_back()
            older = [other for other in queue.living(self._queue, self.ticket.number, tidy=True) if not other.held]
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
                    queue.write(fd, taken)
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
        lost = [key for key, fd in self._devices.items() if not locks.leads_to(queue.device_path(self._queue, key), fd)]
        if not lost and locks.leads_to(self._path, self._fd):
            return ""
        try:
            with queue.mutex(self._queue, PATIENCE):
                self._come_back()
                fds, faults = self._lock(lost)
                for key, fd in fds.items():
                    os.close(self._devices[key])
                    self._devices[key] = fd
                    queue.write(fd, self.ticket)
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
        """Make and lock the ticket's file under the first free number from this one on."""
        used = queue.numbers(self._queue)
        while number in used:
            number += 1
        path = queue.ticket_path(self._queue, number)
        fd = locks.take(path)
        assert fd is not None  # under the mutex nobody else makes files here
        ticket = replace(self.ticket, number=number)
        try:
            queue.write(fd, ticket)
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
        """Who is next in a line that does not move; a supervisor that was stopped is named with the way out."""
        if not ahead:
            return ""
        said = f"behind run {ahead[0].run}"
        with suppress(OSError):
            ticket = open_regular(queue.ticket_path(self._queue, ahead[0].number))
            try:
                if flock.is_stopped(pid := flock.holder(ticket)):
                    said += f" of {flock.describe(pid)}"
            finally:
                os.close(ticket)
        return said
