"""What training costs: the time left of a live run, and the time and disk space of new runs, judged by earlier ones."""

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
LOOKED_AT: Final = 5
"""How many earlier runs of a model judge a new one: the newest ones."""
MOST_READ: Final = 20
"""Of how many the recipe is read to find those: a form asks with every key."""
HALF_OVERHEAD: Final = {"cpu": 20.0, "mps": 250.0, "cuda": 250.0}
"""Images in a step of which half the time does not depend on them (launching kernels, updating weights).

Only for runs with another batch than any earlier one. Measured with lenet and resnet20 on one CPU thread: 42 and 9; a
GPU works on some hundred small images in the time that its kernels take to launch.
"""


def seconds_left(planned: float, done: float, seconds_each: float) -> float:
    """Seconds until the work is done, at the present pace; NaN where the pace is not known.

    Args:
        planned: epochs or steps in all.
        done: how many of them are done, a part of the present one included.
        seconds_each: what one takes of late; NaN where that is not known.
    """
    return max(planned - done, 0.0) * seconds_each


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take, in seconds."""

    start: float
    """Until the first epoch begins, and after the last one."""
    epoch: float
    """From one epoch to the next, with evaluation and saving."""
    runs: int
    """How many earlier runs it stands on."""
    scaled: bool
    """Whether these had other images or another batch."""

    def seconds(self, epochs: int) -> float:
        """For a run of so many epochs."""
        return self.start + self.epoch * epochs


def estimate(
    recipe: Recipe, known: Sequence[Summary], host: str, kind: str, cards: Collection[str] = ()
) -> Estimate | None:
    """What a run of a recipe will take, judged by earlier runs on the same host and kind of device; None without one.

    Runs of that very recipe judge it, else the newest ones of its model on its data set, scaled by how many images an
    epoch has and by the batch: those with the same batch first.

    Args:
        kind: of the device: "cpu", "cuda" or "mps".
        cards: names of the GPUs that it may use. Runs on such a card judge it, those on another one only without them.
    """
    here = [run for run in known if _tells(run, host, kind)]
    here = [run for run in here if run.device_name in cards] or here
    if same := [run for run in here if run.recipe_id == recipe.recipe_id]:
        return Estimate(_start(same), median(map(_epoch_seconds, same)), len(same), False)
    alike = [run for run in here if (run.model, run.data) == (recipe.model.name, recipe.data.name)]
    alike.sort(key=lambda run: run.created, reverse=True)
    pairs = [(run, other) for run in alike[:MOST_READ] if (other := _recipe_of(run.folder)) is not None]
    of_this_batch = [pair for pair in pairs if at_once(pair[1]) == at_once(recipe)]
    chosen = (of_this_batch or pairs)[:LOOKED_AT]
    if not chosen:
        return None
    factors = [_factor(recipe, other, kind) for _, other in chosen]
    epochs = [_rescaled(run, factor) for (run, _), factor in zip(chosen, factors, strict=True)]
    return Estimate(_start([run for run, _ in chosen]), median(epochs), len(chosen), any(one != 1.0 for one in factors))


def size_on_disk(model: str, known: Sequence[Summary]) -> float:
    """Bytes that a finished run of a model takes, the median of earlier ones; NaN where there is none."""
    sizes = [run.size_bytes for run in known if run.model == model and run.status == "finished"]
    return median(sizes) if sizes else math.nan


def images(recipe: Recipe) -> float:
    """Part of the training images that a recipe trains on."""
    data = recipe.data
    part = float(data.train_slice.removeprefix(FIRST)) if data.train_slice.startswith(FIRST) else 1.0
    return part * data.fraction * (1 - data.holdout)


def at_once(recipe: Recipe) -> float:
    """Images that go through the model together."""
    return recipe.batch_size / recipe.compute.accumulate


def _tells(run: Summary, host: str, kind: str) -> bool:
    return run.host == host and run.device.partition(":")[0] == kind and run.epoch > 0 and run.seconds > 0


def _epoch_seconds(run: Summary) -> float:
    """What an epoch took; of runs that told no times by epoch, an equal share of the whole."""
    return run.epoch_seconds or run.seconds / run.epoch


def _start(runs: Sequence[Summary]) -> float:
    """What is not part of an epoch: of the run that lost the least of it to a download or to work done twice."""
    return min(max(run.seconds - run.epoch * _epoch_seconds(run), 0.0) for run in runs)


def _factor(recipe: Recipe, other: Recipe, kind: str) -> float:
    """How many times as long the steps of an epoch take as those of another recipe of the same model."""

    def work(of: Recipe) -> float:
        return images(of) * (1 + HALF_OVERHEAD.get(kind, 0.0) / at_once(of))

    return work(recipe) / work(other)


def _rescaled(run: Summary, factor: float) -> float:
    """An epoch whose steps take `factor` times as long; testing and saving take what they took."""
    whole = _epoch_seconds(run)
    steps = min(run.train_seconds, whole) or whole
    return steps * factor + whole - steps


@lru_cache(256)
def _recipe_of(folder: str) -> Recipe | None:
    """A run's recipe, which never changes; None for a damaged run, or one of another version."""
    try:
        return RunFolder(Path(folder)).look()[0]
    except BadInput:
        return None
