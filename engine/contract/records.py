"""The three small files by which a supervisor tells the world about its run: it alone writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.contract.files import read_json, write_atomic
from engine.contract.values import build, encode_table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process on a machine between two boots."""

    host: str
    boot_id: str
    pid: int
    create_time: float


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
            host, boot = str(table["host"]), str(table["boot_id"])
            trainer = table.get("trainer")
            return cls(
                host,
                boot,
                _identity(host, boot, table["supervisor"]),
                None if trainer is None else _identity(host, boot, trainer),
            )
        except (KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        table: dict[str, Any] = {"host": self.host, "boot_id": self.boot_id}
        for role, identity in (("supervisor", self.supervisor), ("trainer", self.trainer)):
            table[role] = identity and {"pid": identity.pid, "create_time": identity.create_time}
        write_atomic(path, encode_table(table))


@dataclass(frozen=True, slots=True)
class _Numbers:
    pid: int
    create_time: float


def _identity(host: str, boot: str, table: Any) -> Identity:
    if not isinstance(table, dict):
        raise TypeError("a process is a table")
    numbers = build(_Numbers, table)
    return Identity(host, boot, numbers.pid, numbers.create_time)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`heartbeat.json`, rewritten every two seconds by the supervisor `pid`: that it lives and what it does.

    state: queued, starting, running or stopping. place: how many tickets are ahead of it in line, plus one.
    note: what it waits for, in words.
    """

    pid: int
    state: str
    place: int = 0
    note: str = ""
    t: float = 0.0

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
    ended: float = 0.0
    attempt: int = 1

    @classmethod
    def read(cls, path: Path) -> ExitRecord | None:
        return _read(cls, path)

    def write(self, path: Path) -> None:
        """Durable: this record is what remains of the attempt. Raises OSError on a full disk."""
        write_atomic(path, encode_table(self))


def _read(kind: type[T], path: Path) -> T | None:
    table = read_json(path)
    try:
        return None if table is None else build(kind, table)
    except TypeError:
        return None
