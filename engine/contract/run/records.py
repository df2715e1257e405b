"""The three small files by which a supervisor tells the world about its run: it alone writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.contract.files import read_json, write_atomic
from engine.contract.values import Count, Moment, build, build_leniently, encode_table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process on a machine between two boots, and the run folder that it works in."""

    host: str
    boot_id: str
    pid: int
    create_time: float
    """Seconds since 1970, which a step of the clock changes."""
    start_ticks: int = 0
    """When it was started, in clock ticks since boot; 0 where that is not known."""
    pid_namespace: str = ""
    """Among which processes the number counts; "" where that is not known."""
    folder: str = ""
    """The run folder as `engine.contract.home` identifies it; "" where that is not known."""


@dataclass(frozen=True, slots=True)
class ProcRecord:
    """`proc.json`: the processes of the current attempt. The trainer is None until it is started."""

    host: str
    boot_id: str
    supervisor: Identity
    trainer: Identity | None = None

    @classmethod
    def read(cls, path: Path) -> ProcRecord | None:
        """None when the file is missing or not what it should be."""
        table = read_json(path)
        if table is None:
            return None
        try:
            place = build(_Place, table)
            trainer = table.get("trainer")
            return cls(
                place.host,
                place.boot_id,
                _identity(place, table["supervisor"]),
                None if trainer is None else _identity(place, trainer),
            )
        except (KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """What both processes share stands once. Earlier versions wrote neither ticks, namespace nor folder."""
        shared = {"pid_namespace": self.supervisor.pid_namespace, "folder": self.supervisor.folder}
        table: dict[str, Any] = {"host": self.host, "boot_id": self.boot_id} | shared
        for role, identity in (("supervisor", self.supervisor), ("trainer", self.trainer)):
            table[role] = identity and {name: getattr(identity, name) for name in _Numbers.__slots__}
        write_atomic(path, encode_table(table))


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    boot_id: str
    pid_namespace: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class _Numbers:
    pid: int
    create_time: float
    start_ticks: int = 0


def _identity(place: _Place, table: Any) -> Identity:
    if not isinstance(table, dict):
        raise TypeError("a process is a table")
    found = build(_Numbers, table)
    return Identity(
        place.host, place.boot_id, found.pid, found.create_time, found.start_ticks, place.pid_namespace, place.folder
    )


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`heartbeat.json`, rewritten every two seconds by the supervisor `pid`: that it lives and what it does.

    state: queued, starting, running or stopping. place: how many tickets are ahead of it in line, plus one.
    note: what it waits for, in words. beats: how many there were; earlier versions did not count them.
    """

    pid: int
    state: str
    place: Count = 0
    note: str = ""
    t: Moment = 0.0
    beats: Count = 0

    @classmethod
    def read(cls, path: Path) -> Heartbeat | None:
        return _read(cls, path)

    def write(self, path: Path) -> None:
        """Not flushed to the disk: the next one comes soon, and after a power cut it is void anyway."""
        write_atomic(path, encode_table(self), durable=False)


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """`exit.json`: how an attempt ended, in the supervisor's words. `signal` is 0 where none ended it.

    state: finished, stopped, preempted or failed. reason: one of events.REASONS.
    """

    state: str
    reason: str = ""
    message: str = ""
    returncode: int = 0
    signal: int = 0
    detail: str = ""
    ended: Moment = 0.0
    attempt: Count = 1

    @classmethod
    def read(cls, path: Path) -> ExitRecord | None:
        return _read(cls, path)

    def write(self, path: Path) -> None:
        """Durable: this record is what remains of the attempt. Raises OSError on a full disk."""
        write_atomic(path, encode_table(self))


def _read(kind: type[T], path: Path) -> T | None:
    """The record of a file, bad values replaced by their defaults; None where one without a default is bad."""
    table = read_json(path)
    try:
        return None if table is None else build_leniently(kind, table)[0]
    except TypeError:
        return None
