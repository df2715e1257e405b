"""The three small files in which a supervisor records the state of its run. Nobody else writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.contract.files import read_json, write_atomic
from engine.contract.values import Count, Moment, build, build_leniently, encode_table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, identified across machines and reboots, and the run folder that it works on."""

    host: str
    boot_id: str
    pid: int
    create_time: float
    """Seconds since 1970; changes if the clock is set."""
    start_ticks: int = 0
    """When it was started, in clock ticks since boot; 0 if unknown."""
    pid_namespace: str = ""
    """The namespace in which the process id is valid; "" if unknown."""
    folder: str = ""
    """The `folder_key` of the run folder (see `engine.contract.home`); "" if unknown."""


@dataclass(frozen=True, slots=True)
class ProcRecord:
    """`proc.json`: the processes of the current attempt. The trainer is None until it is started."""

    host: str
    boot_id: str
    supervisor: Identity
    trainer: Identity | None = None

    @classmethod
    def read(cls, path: Path) -> ProcRecord | None:
        """The record in a file; None if it is missing or invalid."""
        table = read_json(path)
        if table is None:
            return None
        try:
            machine = build(_Machine, table)
            trainer = table.get("trainer")
            return cls(
                machine.host,
                machine.boot_id,
                _identity(machine, table["supervisor"]),
                None if trainer is None else _identity(machine, trainer),
            )
        except (KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the record, with the fields that both processes share only once.

        Earlier versions wrote neither ticks, namespace nor folder.
        """
        shared = {"pid_namespace": self.supervisor.pid_namespace, "folder": self.supervisor.folder}
        table: dict[str, Any] = {"host": self.host, "boot_id": self.boot_id} | shared
        for role, identity in (("supervisor", self.supervisor), ("trainer", self.trainer)):
            table[role] = identity and {name: getattr(identity, name) for name in _Numbers.__slots__}
        write_atomic(path, encode_table(table))


@dataclass(frozen=True, slots=True)
class _Machine:
    host: str
    boot_id: str
    pid_namespace: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class _Numbers:
    pid: int
    create_time: float
    start_ticks: int = 0


def _identity(machine: _Machine, table: Any) -> Identity:
    if not isinstance(table, dict):
        raise TypeError("not a table")
    found = build(_Numbers, table)
    return Identity(
        machine.host,
        machine.boot_id,
        found.pid,
        found.create_time,
        found.start_ticks,
        machine.pid_namespace,
        machine.folder,
    )


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`heartbeat.json`, rewritten every two seconds by the supervisor `pid`: that it is alive, and what it is doing.

    `state`: queued, starting, running or stopping. `place`: in line, from 1; 0 if it is not waiting. `note`: what it
    waits for. `beats`: the number of heartbeats so far, which earlier versions did not count.
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
        """Write without syncing: the next heartbeat comes soon, and after a power cut this one is obsolete anyway."""
        write_atomic(path, encode_table(self), durable=False)


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """`exit.json`: how an attempt ended. `signal` is 0 if no signal ended it.

    `state`: finished, stopped, preempted or failed. `reason`: one of `events.REASONS`.
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
        """Write and sync to disk: this record is what remains of the attempt. OSError on a full disk."""
        write_atomic(path, encode_table(self))


def _read(kind: type[T], path: Path) -> T | None:
    """The record in a file, with defaults in place of bad values; None if a field without a default is bad."""
    table = read_json(path)
    try:
        return None if table is None else build_leniently(kind, table)[0]
    except TypeError:
        return None
