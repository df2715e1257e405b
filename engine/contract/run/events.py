"""What a run says: small frozen records, one JSON line each, written by the trainer alone.

A reader of another version still reads the file: an unknown kind is skipped, an unknown field dropped, a missing field
takes its default. So does a field whose value is of the wrong type or out of range (null, an accuracy of 250, a time
of 1e18), and the reader counts it as garbage; only an event that no longer says where it belongs is dropped. Strict
JSON has no NaN, so non-finite numbers travel as the strings "nan", "inf" and "-inf". Accuracies are 0..1, epochs and
steps count from 1, memory is in bytes, `t` is seconds since 1970. The file is longer than most because it is the
reference of the format: one look shows all that can stand in `events.jsonl`.
"""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from engine.contract.lines import LineReader, LineWriter
from engine.contract.values import Count, Moment, Nth, Rate, Share, Size, build_leniently, parse, parse_lines, plain

NAN: Final = math.nan
REASONS: Final = (
    "", "traceback", "gpu_memory", "killed", "out_of_memory", "diverged", "disk_full", "bad_input", "data",
    "supervisor_lost", "reboot", "moved",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all: the moment it happened. Writers leave `t` out and get the clock.

    `worked`: monotonic seconds since its attempt began, put in by the trainer's writer; NaN in older files.
    """

    KIND: ClassVar[str] = ""
    ESSENTIAL: ClassVar[tuple[str, ...]] = ()
    """The fields without which the event says nothing: where it belongs."""
    t: Moment = field(default_factory=time.time, kw_only=True)
    worked: Size = field(default=NAN, kw_only=True)


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """An attempt begins: what the model, the data and the device turned out to be."""

    KIND: ClassVar[str] = "run_started"
    attempt: Count = 1
    epochs: Nth = 0
    steps_per_epoch: Count = 0
    batch_size: Count = 0
    params: Count = 0
    device: str = ""
    device_name: str = ""
    precision: str = ""
    compile: str = ""
    graph: bool = False
    channels_last: bool = False
    threads: Count = 0
    classes: list[str] = field(default_factory=list)
    train_images: Count = 0
    test_images: Count = 0
    holdout_images: Count = 0
    best_on: str = "test"


@dataclass(frozen=True, slots=True)
class Phase(Event):
    """What it is busy with: "queued" (with the place in line), "fetching", "compiling", "training" and so on."""

    KIND: ClassVar[str] = "phase"
    name: str = ""
    note: str = ""
    place: Count = 0


@dataclass(frozen=True, slots=True)
class Step(Event):
    """A training step, at most about two a second."""

    KIND: ClassVar[str] = "step"
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("epoch", "step")
    epoch: Nth = 0
    step: Count = 0
    loss: float = NAN
    lr: Rate = NAN
    images_per_second: Size = NAN


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """The end of an epoch. NaN stands for what was not measured.

    `train_mixed`: the train accuracy is against mixed labels and must not be compared with test accuracy.
    `confused`: the test confusion matrix by rows of true classes, flattened; empty above 20 classes.
    `test_top5`: only above 20 classes. `tta_accuracy`: of the mean logits of several views, `tta` says which.
    """

    KIND: ClassVar[str] = "epoch"
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("epoch",)
    epoch: Nth = 0
    train_loss: float = NAN
    train_accuracy: Share = NAN
    train_mixed: bool = False
    test_loss: float = NAN
    test_accuracy: Share = NAN
    holdout_loss: float = NAN
    holdout_accuracy: Share = NAN
    clean_train_loss: float = NAN
    clean_train_accuracy: Share = NAN
    per_class: list[Share] = field(default_factory=list)
    per_class_count: list[Count] = field(default_factory=list)
    confused: list[Count] = field(default_factory=list)
    lr: Rate = NAN
    images_per_second: Size = NAN
    grad_norm: float = NAN
    update_ratio: float = NAN
    nonfinite: Count = 0
    seconds: dict[str, Size] = field(default_factory=dict)
    weights: str = "raw"
    raw_test_accuracy: Share = NAN
    test_top5: Share = NAN
    tta: str = "off"
    tta_accuracy: Share = NAN


@dataclass(frozen=True, slots=True)
class System(Event):
    """A sample of GPUs and host. Each GPU is a dict: index, uuid, name, utilization 0..1, memory_used, memory_total,
    memory_ours, memory_others (bytes), others (list of user, name, bytes), power, power_limit (W), temperature (C)."""

    KIND: ClassVar[str] = "system"
    gpus: list[dict[str, Any]] = field(default_factory=list)
    cpu: Share = NAN
    ram_used: Size = NAN
    ram_total: Size = NAN
    ram_ours: Size = NAN
    disk_free: Size = NAN
    gpu_note: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint(Event):
    """A checkpoint is on disk. `seconds` is how long the training waited; why: interval, best, stop, end."""

    KIND: ClassVar[str] = "checkpoint"
    epoch: Nth = 0
    step: Count = 0
    file: str = ""
    seconds: Size = NAN
    why: str = "interval"


@dataclass(frozen=True, slots=True)
class Message(Event):
    """A line for people. level: info, warning, error."""

    KIND: ClassVar[str] = "message"
    level: str = "info"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Training goes on after `epoch` whole epochs and `step` steps of the next: anything later is void."""

    KIND: ClassVar[str] = "resumed"
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("epoch", "step")
    epoch: Nth = 0
    step: Count = 0
    exact: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """Ended early on request, with a checkpoint. reason: stopped, preempted, moved (its folder was)."""

    KIND: ClassVar[str] = "stopped"
    epoch: Nth = 0
    step: Count = 0
    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Ended by an error; `reason` is one of REASONS, `message` one line, `detail` the traceback or figures."""

    KIND: ClassVar[str] = "failed"
    reason: str = ""
    message: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """All epochs are done. The headline is `last_accuracy`, the test accuracy of the last epoch.

    `seconds` is the time at work over all attempts, lost work included.
    """

    KIND: ClassVar[str] = "finished"
    epochs: Nth = 0
    last_accuracy: Share = NAN
    best_accuracy: Share = NAN
    best_epoch: Nth = 0
    best_on: str = "test"
    weights: str = "raw"
    seconds: Size = NAN


KINDS: Final[dict[str, type[Event]]] = {
    kind.KIND: kind
    for kind in (
        RunStarted, Phase, Step, Epoch, System, Checkpoint, Message, Resumed, Stopped, Failed, Finished,
    )
}  # fmt: skip


def as_table(event: Event) -> dict[str, Any]:
    """The event as strict-JSON data, its kind first under "event": what `--json` prints."""
    table: dict[str, Any] = plain(event)
    if math.isnan(event.worked):
        del table["worked"]  # of an event that no trainer has written
    return {"event": event.KIND} | table


def encode(event: Event) -> str:
    """One line of strict JSON without its newline. NumPy scalars and arrays are taken as plain numbers."""
    return json.dumps(as_table(event), allow_nan=False)


def decode(line: str | bytes) -> Event | None:
    """The event of a line, or None for an unknown kind and for anything that is no event. Never raises."""
    table = parse(line)
    return None if table is None else from_table(table)


def from_table(table: dict[str, Any]) -> Event | None:
    """The event that a JSON object stands for, or None: its kind is unknown, or it does not say where it belongs."""
    return read_event(table)[0]


def read_event(table: dict[str, Any]) -> tuple[Event | None, int]:
    """The event that a JSON object stands for, and how much of it is garbage: the fields that keep their defaults
    because their values are of the wrong type or out of range, or 1 for an event that is dropped."""
    name = table.get("event")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        return None, 0
    event, bad = build_leniently(kind, {"t": 0.0} | table)
    if "t" in bad:
        event = replace(event, t=0.0)  # the default would be the reader's own clock
    return (None, 1) if any(name in bad for name in kind.ESSENTIAL) else (event, len(bad))


class EventWriter:
    """Appends events to `events.jsonl`: one unbuffered write each, fsync at most every five seconds and at the end.

    Safe to share between threads. With `began`, the monotonic clock at the start of the attempt, every event gets the
    seconds since then as its `worked`, which never fall from one line to the next, and the last event gets the time at
    work in all: `earlier` seconds of the attempts before and those of this one.
    """

    def __init__(self, path: Path, began: float | None = None, earlier: float = 0.0) -> None:
        self._lines = LineWriter(path)
        self._began, self._earlier = began, earlier
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Append one event. OSError when the disk is full."""
        with self._lock:
            if self._began is not None:
                event = replace(event, worked=round(time.monotonic() - self._began, 3))
            if self._began is not None and isinstance(event, Finished):
                event = replace(event, seconds=self._earlier + event.worked)
            self._lines.write(encode(event))

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventReader:
    """Follows an events file. Never raises; `garbage` counts the lines that were no JSON object or were too long, the
    events that did not say where they belong, and the fields that had to be left out.

    A file that was cut or replaced is read again from its start, and `restarts` goes up.
    """

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self._garbage = 0

    @property
    def garbage(self) -> int:
        return self._garbage + self._lines.garbage

    @property
    def restarts(self) -> int:
        return self._lines.restarts

    def poll(self) -> list[Event]:
        """The events since the last call. A half line waits for the next call."""
        tables, garbage = parse_lines(self._lines.poll())
        read = [read_event(table) for table in tables]
        self._garbage += garbage + sum(bad for _, bad in read)
        return [event for event, _ in read if event is not None]

    def tail(self, size: int) -> list[Event]:
        """The events in the last `size` bytes; the next poll goes on after them."""
        self._lines.seek_tail(size)
        return self.poll()
