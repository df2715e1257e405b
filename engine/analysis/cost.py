"""What training costs: the time left of a live run, and the time and disk space of new runs, from earlier ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.store import RunFolder, Summary

FIRST: Final = "first:"
MOST_USED: Final = 5
"""How many earlier runs of a model, the newest ones, an estimate uses."""
MOST_READ: Final = 20
"""How many recipes are read to find them, since a form asks on every key press."""
HALF_OVERHEAD: Final = {"cpu": 20.0, "mps": 250.0, "cuda": 250.0}
"""Images per step at which half of the time is overhead that does not depend on their number, such as launching
kernels and updating weights.

Only used for a batch size that no earlier run had. Measured with lenet and resnet20 on one CPU thread: 42 and 9; a GPU
processes some hundred small images in the time that launching its kernels takes.
"""


def seconds_left(planned: float, done: float, seconds_each: float) -> float:
    """Seconds until the work is done, at the current pace; NaN if the pace is unknown.

    Args:
        planned: the total number of epochs or steps.
        done: how many of them are done, including the fraction of the current one.
        seconds_each: duration of a recent one; NaN if unknown.
    """
    return max(planned - done, 0.0) * seconds_each


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated time of a run, in seconds."""

    start: float
    """Time before the first epoch and after the last one."""
    epoch: float
    """From one epoch to the next, with evaluation and saving."""
    runs: int
    """The number of earlier runs that it is based on."""
    scaled: bool
    """Whether these runs used another number of images or another batch size."""

    def seconds(self, epochs: float) -> float:
        """The estimate for a run of this many epochs."""
        return self.start + self.epoch * epochs


def estimate(
    recipe: Recipe, known: Sequence[Summary], host: str, kind: str, cards: Collection[str] = ()
) -> Estimate | None:
    """Estimate the time of a run from earlier runs on the same host and type of device; None if there are none.

    Uses runs of the same recipe if there are any, else the newest runs of the same model and data set, preferably with
    the same batch size, scaled by the number of images per epoch and by the batch size.

    Args:
        kind: the type of device: "cpu", "cuda" or "mps".
        cards: names of the GPUs that the run may use. Runs on other GPUs are only used if there are none on these.
    """
    here = [run for run in known if _is_usable(run, host, kind)]
    here = [run for run in here if run.device_name in cards] or here
    if same := [run for run in here if run.recipe_id == recipe.recipe_id]:
        return Estimate(_start(same), median(map(_epoch_seconds, same)), len(same), False)
    alike = [run for run in here if (run.model, run.data) == (recipe.model.name, recipe.data.name)]
    alike.sort(key=lambda run: run.created, reverse=True)
    pairs = [(run, other) for run in alike[:MOST_READ] if (other := _recipe_of(run.folder)) is not None]
    of_this_batch = [pair for pair in pairs if at_once(pair[1]) == at_once(recipe)]
    chosen = (of_this_batch or pairs)[:MOST_USED]
    if not chosen:
        return None
    factors = [_factor(recipe, other, kind) for _, other in chosen]
    epochs = [_rescaled(run, factor) for (run, _), factor in zip(chosen, factors, strict=True)]
    return Estimate(_start([run for run, _ in chosen]), median(epochs), len(chosen), any(one != 1.0 for one in factors))


def size_on_disk(model: str, known: Sequence[Summary]) -> float:
    """Bytes that a finished run of a model takes: the median of earlier ones trained here, NaN if there are none."""
    sizes = [run.size_bytes for run in known if run.model == model and run.status == "finished" and not run.layout]
    return median(sizes) if sizes else math.nan


def images(recipe: Recipe) -> float:
    """Fraction of the training images that a recipe trains on."""
    data = recipe.data
    part = float(data.train_slice.removeprefix(FIRST)) if data.train_slice.startswith(FIRST) else 1.0
    return part * data.fraction * (1 - data.holdout)


def at_once(recipe: Recipe) -> float:
    """Number of images in one forward pass of the model."""
    return recipe.batch_size / recipe.compute.accumulate


def _is_usable(run: Summary, host: str, kind: str) -> bool:
    return run.host == host and run.device.partition(":")[0] == kind and run.epoch > 0 and run.seconds > 0


def _epoch_seconds(run: Summary) -> float:
    """Duration of an epoch; for runs without times per epoch, an equal share of the total."""
    return run.epoch_seconds or run.seconds / run.epoch


def _start(runs: Sequence[Summary]) -> float:
    """Time that is not part of an epoch: the minimum over the runs, as others include downloads or repeated work."""
    return min(max(run.seconds - run.epoch * _epoch_seconds(run), 0.0) for run in runs)


def _factor(recipe: Recipe, other: Recipe, kind: str) -> float:
    """Ratio of the time of an epoch's steps to that of another recipe of the same model."""

    def work(of: Recipe) -> float:
        return images(of) * (1 + HALF_OVERHEAD.get(kind, 0.0) / at_once(of))

    return work(recipe) / work(other)


def _rescaled(run: Summary, factor: float) -> float:
    """Duration of an epoch whose steps take `factor` times as long, while testing and saving take as long as before."""
    whole = _epoch_seconds(run)
    steps = min(run.train_seconds, whole) or whole
    return steps * factor + whole - steps


@lru_cache(256)
def _recipe_of(folder: str) -> Recipe | None:
    """A run's recipe, which never changes; None for a damaged run, or one from another version."""
    try:
        return RunFolder(Path(folder)).inspect()[0]
    except BadInput:
        return None
