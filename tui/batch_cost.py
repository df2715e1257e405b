"""How long a batch of runs will take, judged by earlier runs on this machine. What was never measured stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.process import host_name
from engine.contract.recipe import Placement, Recipe
from engine.contract.store import RunFolder, Summary
from engine.launch import devices
from tui.batch import Batch, Job
from tui.format import duration, file_size

FIRST: Final = "first:"
LOOKED_AT: Final = 5
"""How many earlier runs of a model are read to judge it: the newest ones."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What is known of the time. `seconds` adds up the runs that can be judged, as if one ran after another."""

    seconds: float
    judged: int
    unknown: tuple[str, ...]
    """Labels of the cells that cannot be judged: no run of their model was ever made here."""
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
    judged = _Judge([run for run in known if run.host == host_name() and run.device.partition(":")[0] == kind])
    seconds, unknown, count = 0.0, dict[str, None](), 0
    for job in batch.to_do:
        each = judged.seconds_per_epoch(job.recipe)
        if each is None:
            unknown[job.label] = None
        else:
            seconds += each * _epochs_left(job)
            count += 1
    return Cost(seconds, count, tuple(unknown), max(len(wanted.candidates) // wanted.count, 1))


def _epochs_left(job: Job) -> int:
    return max(job.recipe.epochs - (job.run.epoch if job.run and job.fate == "resume" else 0), 0)


class _Judge:
    """Seconds an epoch by recipe: of runs of that very recipe, else of its model, by how many images each saw."""

    def __init__(self, known: Sequence[Summary]) -> None:
        self._known = [run for run in known if run.epoch > 0 and run.seconds > 0]
        self._asked: dict[str, float | None] = {}

    def seconds_per_epoch(self, recipe: Recipe) -> float | None:
        key = recipe.recipe_id
        if key not in self._asked:
            self._asked[key] = self._look(recipe)
        return self._asked[key]

    def _look(self, recipe: Recipe) -> float | None:
        if same := [run.seconds / run.epoch for run in self._known if run.recipe_id == recipe.recipe_id]:
            return median(same)
        alike = [run for run in self._known if (run.model, run.data) == (recipe.model.name, recipe.data.name)]
        found = []
        for run in sorted(alike, key=lambda run: run.created)[-LOOKED_AT:]:
            try:
                other = RunFolder(Path(run.folder)).recipe()
            except BadInput:  # a damaged run, or one of another version
                continue
            found.append(run.seconds / run.epoch * images(recipe) / images(other))
        return median(found) if found else None


def images(recipe: Recipe) -> float:
    """Part of the training images that a recipe trains on."""
    data = recipe.data
    part = float(data.train_slice.removeprefix(FIRST)) if data.train_slice.startswith(FIRST) else 1.0
    return part * data.fraction * (1 - data.holdout)


def room(batch: Batch, known: Sequence[Summary]) -> str:
    """What the finished runs will take on the disk, where runs of the same models tell; else ""."""
    sizes: dict[str, list[int]] = {}
    for run in known:
        if run.status == "finished":
            sizes.setdefault(run.model, []).append(run.size_bytes)
    told = [median(sizes[job.recipe.model.name]) for job in batch.to_do if job.recipe.model.name in sizes]
    return f"~{file_size(sum(told))} on the disk" if told and len(told) == len(batch.to_do) else ""
