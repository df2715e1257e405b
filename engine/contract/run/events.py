"""The events of a run: small frozen records, one JSON line each, written by the trainer alone.

This file is the reference of the format of `events.jsonl`; `engine.contract.run.event_file` reads and writes it.

Readers of other versions can read the file: an unknown kind is skipped, an unknown field dropped, a missing field takes
its default. So does a field whose value has a wrong type or is out of range (null, an accuracy of 250, a time of 1e18),
and the reader counts it as garbage; only an event without a valid position (`ESSENTIAL`) is dropped. Strict JSON has no
NaN, so non-finite numbers are written as the strings "nan", "inf" and "-inf". Accuracies are 0..1, epochs and steps
count from 1, memory is in bytes, `t` is in seconds since 1970.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from engine.contract.values import Count, Moment, Nth, Rate, Share, Size

NAN: Final = math.nan
REASONS: Final = (
    "", "traceback", "gpu_memory", "killed", "out_of_memory", "diverged", "disk_full", "bad_input", "data",
    "supervisor_lost", "reboot", "moved", "cancelled", "time_limit", "preempted", "node_failure", "hung",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `t` is when it happened, by default now.

    `worked`: monotonic seconds since the attempt began, filled in by the trainer's writer; NaN in older files.
    """

    KIND: ClassVar[str] = ""
    ESSENTIAL: ClassVar[tuple[str, ...]] = ()
    """The fields without which the event is useless: its position in the run."""
    t: Moment = field(default_factory=time.time, kw_only=True)
    worked: Size = field(default=NAN, kw_only=True)


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """An attempt begins: the actual model, data and device.

    `best_on`: the images on which the best epoch is selected, "test" or "holdout"; "" if the run is tested only once,
    at its end, and no best epoch is selected.
    """

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
    """What the run is doing: "queued" (with the place in line), "fetching", "compiling", "training" and so on."""

    KIND: ClassVar[str] = "phase"
    name: str = ""
    note: str = ""
    place: Count = 0


@dataclass(frozen=True, slots=True)
class Step(Event):
    """A training step; at most about two per second are written."""

    KIND: ClassVar[str] = "step"
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("epoch", "step")
    epoch: Nth = 0
    step: Count = 0
    loss: float = NAN
    lr: Rate = NAN
    images_per_second: Size = NAN


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """The end of an epoch. NaN stands for a value that was not measured.

    `train_mixed`: the train accuracy is against mixed labels and must not be compared with the test accuracy.
    `confused`: the test confusion matrix, flattened, a row per true class; empty above 20 classes.
    `test_top5`: only above 20 classes. `tta_accuracy`: of the mean logits of several views; `tta` says which views.
    `step_ms`: mean milliseconds of each part of a training step, over the steps that were timed, one in 200: data,
    forward, backward and optimizer, or data and step if the step is one CUDA graph; empty if none was timed.
    `seconds`: for the steps ("train"), "evaluate", waiting for snapshots ("save"), and "compile" if that happened.
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
    step_ms: dict[str, Size] = field(default_factory=dict)
    weights: str = "raw"
    raw_test_accuracy: Share = NAN
    test_top5: Share = NAN
    tta: str = "off"
    tta_accuracy: Share = NAN


@dataclass(frozen=True, slots=True)
class System(Event):
    """A sample of the GPUs on all nodes of the run, and of the host of its first rank.

    Each GPU is a dict: node (from 0; absent in older files), host, index (on its node), uuid, name, utilization (0..1),
    memory_used, memory_total, memory_ours, memory_others (bytes), others (list of user, name, bytes), power,
    power_limit (W), temperature (C).
    """

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
    """A checkpoint has been written. `seconds`: how long training waited for it; `why`: interval, best, stop or end."""

    KIND: ClassVar[str] = "checkpoint"
    epoch: Nth = 0
    step: Count = 0
    file: str = ""
    seconds: Size = NAN
    why: str = "interval"


@dataclass(frozen=True, slots=True)
class Message(Event):
    """A line of text for people. `level`: info, warning or error."""

    KIND: ClassVar[str] = "message"
    level: str = "info"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Training continues after `epoch` whole epochs and `step` steps of the next; all later events are void."""

    KIND: ClassVar[str] = "resumed"
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("epoch", "step")
    epoch: Nth = 0
    step: Count = 0
    exact: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """Ended early on request, with a checkpoint. `reason`: stopped, preempted, or moved (the run folder was moved)."""

    KIND: ClassVar[str] = "stopped"
    epoch: Nth = 0
    step: Count = 0
    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Ended by an error. `reason`: one of REASONS; `message`: one line; `detail`: the traceback or figures."""

    KIND: ClassVar[str] = "failed"
    reason: str = ""
    message: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """All epochs are finished. The headline figure is `last_accuracy`, the test accuracy of the last epoch.

    `best_on`: as in RunStarted; if it is "", `best_accuracy` is NaN and `best_epoch` 0.
    `seconds`: working time over all attempts, including work that was lost.
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
