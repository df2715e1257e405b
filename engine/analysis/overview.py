"""Everything that the overview of one run shows: its result, what made it, its classes and its files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis.chosen import by_recipe
from engine.analysis.compare import fields
from engine.analysis.energy import JOULES_PER_KWH, joules
from engine.analysis.history import History
from engine.analysis.like_for_like import LikeForLike, Measured, like_for_like
from engine.analysis.series import Array
from engine.analysis.stats import Interval, spread, wilson
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Promise, Recipe
from engine.contract.run.checkpoints import committed
from engine.contract.run.erase import files_in
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.summary import Summary


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a run folder, or a checkpoint with all of its files."""

    name: str
    size_bytes: int
    what: str
    """What it holds, in words."""


@dataclass(frozen=True, slots=True)
class ByClass:
    """One class of the test set. Shares are 0..1."""

    name: str
    recall: float
    """Share of the images of this class that are recognized."""
    precision: float
    """Share of the images given this class that belong to it; NaN if it was given to none, or is not known."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of the overview. Accuracies are 0..1; NaN, 0 and "" stand for what is not known."""

    run: Summary
    info: RunInfo
    test_images: int
    interval: Interval | None
    """95 % confidence interval of the last accuracy for the size of the test set alone."""
    best_epoch: int
    promise: Promise | None
    alike: LikeForLike | None
    params: int
    device: str
    precision: str
    train_images: int
    holdout_images: int
    images_per_second: float
    epoch_seconds: float
    kwh: float
    watts: float
    """Mean power of all GPUs of the run."""
    peak_bytes: float
    """Highest memory of the run on its GPUs."""
    total_bytes: float
    """Memory of these GPUs in all."""
    fields: int
    """Number of fields of the recipe; 0 if it cannot be read."""
    classes: tuple[ByClass, ...]
    files: tuple[Stored, ...]
    live: bool

    def to_json(self) -> dict[str, Any]:
        """The object of `runs show --json`."""
        interval = self.interval
        return {
            "test_images": self.test_images,
            "interval": [interval.low, interval.high] if interval else None,
            "interval_half": interval.half if interval else None,
            "best_epoch": self.best_epoch or None,
            "reported": self.promise.model_dump() if self.promise else None,
            "like_for_like": self.alike.to_json() if self.alike else None,
            "params": self.params,
            "device_name": self.device,
            "precision": self.precision,
            "train_images": self.train_images,
            "holdout_images": self.holdout_images,
            "images_per_second": self.images_per_second,
            "epoch_seconds": self.epoch_seconds,
            "kwh": self.kwh,
            "watts": self.watts,
            "peak_bytes": self.peak_bytes,
            "total_bytes": self.total_bytes,
            "recipe_fields": self.fields,
            "commit": self.info.git.get("commit", ""),
            "dirty": self.info.git.get("dirty"),
            "created": self.run.created,
            "ended": self.run.ended,
            "classes": [asdict(one) for one in self.classes],
            "files": [asdict(one) for one in self.files],
            "notes": list(self.run.notes),
        }


def overview(folder: RunFolder, run: Summary, history: History, runs: Iterable[Summary] = ()) -> Overview:
    """The overview of a run.

    Args:
        history: all of its events.
        runs: other runs, among which those of the same recipe count for the comparison with a reported figure.
    """
    recipe, info = _recipe(folder), _info(folder)
    started, course = history.started, history.course
    tested = started.test_images if started else 0
    last = math.nan if run.last_accuracy is None else run.last_accuracy
    best = course.best_accuracy
    promise = recipe.promise if recipe and recipe.promise and recipe.promise.runs else None
    unchanged = run.changes in ("", "-") and not run.preset.startswith("run:")
    train, holdout = (started.train_images, started.holdout_images) if started else (0, 0)
    measured = Measured(last, best, course.best_on, tested, train, holdout, unchanged)
    mine = by_recipe(one for one in runs if one.recipe_id == run.recipe_id)
    seeds = (mine[0].last, mine[0].best) if mine else (spread(()), spread(()))
    kwh, watts, peak, total = _power_and_memory(history)
    return Overview(
        run=run,
        info=info,
        test_images=tested,
        interval=wilson(last, tested) if tested and math.isfinite(last) else None,
        best_epoch=course.best.epoch if course.best else 0,
        promise=promise,
        alike=like_for_like(promise, measured, *seeds),
        params=started.params if started else 0,
        device=(started.device_name or started.device) if started else "",
        precision=started.precision if started else "",
        train_images=train,
        holdout_images=holdout,
        images_per_second=_last(history.epoch("images_per_second")),
        epoch_seconds=course.epoch_seconds,
        kwh=kwh,
        watts=watts,
        peak_bytes=peak,
        total_bytes=total,
        fields=len(fields(recipe)) if recipe else 0,
        classes=_by_class(history),
        files=stored(folder, history),
        live=run.live,
    )


def _recipe(folder: RunFolder) -> Recipe | None:
    try:
        return folder.inspect()[0]
    except BadInput:
        return None


def _info(folder: RunFolder) -> RunInfo:
    try:
        return folder.info()
    except BadInput:
        return RunInfo(id=folder.id)


def _last(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else math.nan


def _power_and_memory(history: History) -> tuple[float, float, float, float]:
    """kWh, mean watts, highest memory of the run and total memory in bytes, over all GPUs; NaN where not sampled."""
    gpus = history.gpus()
    kwh = [joules(history.gpu(one, "t"), history.gpu(one, "power")) / JOULES_PER_KWH for one in gpus]
    watts = [_over(history.gpu(one, "power"), np.mean) for one in gpus]
    peak = [_over(history.gpu(one, "memory_ours"), np.max) for one in gpus]
    total = [_over(history.gpu(one, "memory_total"), np.max) for one in gpus]
    return _sum(kwh), _sum(watts), _sum(peak), _sum(total)


def _over(values: Array, pick: Callable[[Array], Any]) -> float:
    known = values[np.isfinite(values)]
    return float(pick(known)) if len(known) else math.nan


def _sum(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) if known else math.nan


def _by_class(history: History) -> tuple[ByClass, ...]:
    """Recall and precision at the last test by class, the lowest recall first."""
    judged = next((epoch for epoch in reversed(history.epochs) if epoch.per_class), None)
    if judged is None:
        return ()
    n = len(judged.per_class)
    names = history.started.classes if history.started and len(history.started.classes) == n else []
    names = names or [f"class {i}" for i in range(n)]
    precision = [math.nan] * n
    if len(judged.confused) == n * n:
        table = np.asarray(judged.confused, np.int64).reshape(n, n)
        given = table.sum(0)
        precision = [float(table[i, i] / given[i]) if given[i] else math.nan for i in range(n)]
    rows = [ByClass(*one) for one in zip(names, judged.per_class, precision, strict=True)]
    return tuple(sorted(rows, key=lambda row: math.inf if math.isnan(row.recall) else row.recall))


def stored(folder: RunFolder, history: History) -> tuple[Stored, ...]:
    """The checkpoints, the newest first, then the other files of a run folder, the largest first."""
    why = {one.file: one.why for one in history.checkpoints}
    found = []
    for checkpoint in reversed(committed(folder.checkpoints)):
        parts = "weights and state" if (checkpoint / "state.pt").exists() else "weights"
        reason = why.get(checkpoint.name, "")
        words = parts + (f", {reason}" if reason in ("best", "stop", "end") else "")
        found.append(Stored(f"checkpoints/{checkpoint.name}", _bytes(checkpoint), words))
    what = {
        "predictions.npz": "logits and labels of the test set",
        "events.jsonl": f"{len(history.epochs)} epochs",
        "recipe.toml": "the whole recipe",
        "log.txt": "output of the processes",
        "labels.jsonl": "name, tags and notes",
        "run.json": "what was asked for, versions",
    }
    others = []
    for name, words in what.items():
        try:
            others.append(Stored(name, (folder.path / name).stat().st_size, words))
        except OSError:  # not written by this run
            continue
    if size := _bytes(folder.predicted) if folder.predicted.is_dir() else 0:
        others.append(Stored("predicted/", size, "answers on further test sets"))
    return (*found, *sorted(others, key=lambda one: -one.size_bytes))


def _bytes(folder: Path) -> int:
    return sum(one.st_size for one in files_in(folder))
