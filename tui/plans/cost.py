"""What a batch will cost in time and disk space, estimated from earlier runs on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.analysis.cost import Estimate, estimate, size_on_disk
from engine.contract.numbers import counted, duration
from engine.contract.recipe.schema import Placement
from engine.contract.run.process import host_name
from engine.contract.run.store import Summary
from engine.contract.text import file_size
from engine.launch import devices
from tui.plans.batch import Batch, Job


@dataclass(frozen=True, slots=True)
class Cost:
    """The time that is known of. `seconds` adds up the runs with an estimate, as if they ran one after another."""

    seconds: float
    judged: int
    """How many runs have an estimate."""
    unknown: tuple[str, ...]
    """Labels of the items without one: no run of their model has been made here on such a device."""
    slots: int
    """How many runs can train at the same time."""

    @property
    def total(self) -> float | None:
        """Seconds until the last run ends; None where a part of it is unknown."""
        return None if self.unknown else self.seconds / self.slots

    def __str__(self) -> str:
        if not self.judged:
            return "time unknown: these models have not run here yet"
        parallel = f" on {self.slots} devices in parallel" if self.slots > 1 else ""
        known = f"~{duration(self.seconds / self.slots)}{parallel}, estimated from earlier runs here"
        missing = f", not counting {counted(len(self.unknown), 'recipe')} of models that have not run here yet"
        return known + (missing if self.unknown else "")


def cost(batch: Batch, known: Sequence[Summary], placement: Placement) -> Cost:
    """The time that the runs to start and to resume will take.

    Args:
        known: the earlier runs.
        placement: names the device.

    Raises:
        BadInput: this machine has no such device.
    """
    wanted = devices.request(placement)
    kind = devices.kind_of(wanted.candidates[0])
    cards = {gpu.name for gpu in devices.gpus() if gpu.uuid in wanted.candidates} if kind == "cuda" else ()
    judged: dict[str, Estimate | None] = {}
    seconds, unknown, count = 0.0, dict[str, None](), 0
    for job in batch.to_do:
        if job.recipe.recipe_id not in judged:
            judged[job.recipe.recipe_id] = estimate(job.recipe, known, host_name(), kind, cards)
        each = judged[job.recipe.recipe_id]
        if each is None:
            unknown[job.label] = None
        else:
            seconds += each.seconds(_epochs_left(job))
            count += 1
    return Cost(seconds, count, tuple(unknown), max(len(wanted.candidates) // wanted.count, 1))


def _epochs_left(job: Job) -> float:
    return max(job.recipe.epochs - (job.run.epoch if job.run and job.action == "resume" else 0), 0)


def room(batch: Batch, known: Sequence[Summary]) -> str:
    """The disk space that the runs will take, as text; "" where a model among them has not finished a run yet."""
    models = {job.recipe.model.name for job in batch.to_do}
    sizes = {model: size_on_disk(model, known) for model in models}
    total = sum(sizes[job.recipe.model.name] for job in batch.to_do)
    return f"~{file_size(total)} on disk" if total and math.isfinite(total) else ""
