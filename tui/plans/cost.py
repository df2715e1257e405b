"""How long a batch of runs will take, judged by earlier runs on this machine. What was never measured stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from engine.analysis.cost import Estimate, estimate, images
from engine.contract.recipe.schema import Placement
from engine.contract.run.process import host_name
from engine.contract.run.store import Summary
from engine.launch import devices
from tui.drawing.format import duration, file_size
from tui.plans.batch import Batch, Job

__all__ = ["Cost", "cost", "images", "room"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What is known of the time. `seconds` adds up the runs that can be judged, as if one ran after another."""

    seconds: float
    judged: int
    unknown: tuple[str, ...]
    """Labels of the cells that cannot be judged: no run of their model was ever made on such a device here."""
    slots: int
    """How many runs may work at once."""

    @property
    def total(self) -> float | None:
        """Seconds until the last one ends; None where a part of it is unknown."""
        return None if self.unknown else self.seconds / self.slots

    def __str__(self) -> str:
        if not self.judged:
            return "time unknown: no run of these models here yet"
        shared = f" on {self.slots} devices at once" if self.slots > 1 else ""
        said = f"~{duration(self.seconds / self.slots)}{shared}, judged by earlier runs here"
        cells = f"{len(self.unknown)} cell{'s' if len(self.unknown) > 1 else ''}"
        some = f", without {cells} of models that never ran here" if self.unknown else ""
        return said + some


def cost(batch: Batch, known: Sequence[Summary], placement: Placement) -> Cost:
    """What is still to be done in a batch, in time."""
    wanted = devices.want(placement)
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


def _epochs_left(job: Job) -> int:
    return max(job.recipe.epochs - (job.run.epoch if job.run and job.fate == "resume" else 0), 0)


def room(batch: Batch, known: Sequence[Summary]) -> str:
    """What the finished runs will take on the disk, where runs of the same models tell; else ""."""
    sizes: dict[str, list[int]] = {}
    for run in known:
        if run.status == "finished":
            sizes.setdefault(run.model, []).append(run.size_bytes)
    told = [median(sizes[job.recipe.model.name]) for job in batch.to_do if job.recipe.model.name in sizes]
    return f"~{file_size(sum(told))} on the disk" if told and len(told) == len(batch.to_do) else ""
