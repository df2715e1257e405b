"""Runs as plain values: find one, or list those that match a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.index import Index
from engine.contract.run.store import RunFolder, Summary, find, is_run, runs_roots, summarize


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was when it was read; `load` it again for newer figures. Accuracies are 0..1."""

    id: str
    folder: Path
    status: str
    """queued, starting, running, stopping, finished, stopped, preempted, failed or lost."""
    reason: str
    """Why it ended, where that needs a reason: one of those in `docs/formats.md`; else ""."""
    name: str
    tags: tuple[str, ...]
    notes: tuple[str, ...]
    preset: str
    changes: str
    model: str
    seed: int
    recipe_id: str
    recipe: Mapping[str, Any] = field(repr=False)
    """The resolved recipe as nested tables; empty if it cannot be read."""
    epoch: int
    """Finished epochs."""
    epochs: int
    """Planned epochs."""
    last_accuracy: float | None
    """Test accuracy of the last epoch; None if there is none yet."""
    best_accuracy: float | None
    """Test accuracy of the epoch that is best on `best_on`."""
    best_on: str
    """The images on which the best epoch was picked: "test" or "holdout"; "" if none was picked."""
    seconds: float
    """Working time over all attempts."""


def load(run: str | Path | Run, *, runs_dir: str = "") -> Run:
    """A run by its id, the last four characters of it, its name, `@last` or `@live`, or by the path of its folder.

    Raises:
        BadInput: there is no such run, or more than one.
    """
    return _run(summarize(folder_of(run, runs_dir)))


def runs(matching: str = "", *, runs_dir: str = "") -> list[Run]:
    """The runs that match a filter, such as `"acc>0.95 model:resnet34 tag:paper"`, the newest first; "" matches all.

    Raises:
        BadInput: the filter is not valid.
    """
    rows = Index().rows(runs_roots([runs_dir] if runs_dir else []))
    return [_run(row) for row in parse_filter(matching).select(rows)]


def folder_of(run: str | Path | Run, runs_dir: str) -> RunFolder:
    """The folder of a run, however it was named. BadInput if there is no such run, or more than one."""
    if isinstance(run, Run):
        return RunFolder(run.folder)
    if isinstance(run, Path) or "/" in run:
        path = Path(run).expanduser().absolute()
        if not is_run(path):
            raise BadInput(f"{path} is not a run folder")
        return RunFolder(path)
    return find(runs_roots([runs_dir] if runs_dir else []), run)


def _run(row: Summary) -> Run:
    folder = RunFolder(Path(row.folder))
    try:
        recipe = folder.inspect()[0].to_table()
    except BadInput:  # damaged, or with parts that this version does not have
        recipe = {}
    return Run(
        id=row.id, folder=folder.path, status=row.status, reason=row.reason, name=row.name, tags=row.tags,
        notes=row.notes, preset=row.preset, changes=row.changes, model=row.model, seed=row.seed,
        recipe_id=row.recipe_id, recipe=recipe, epoch=row.epoch, epochs=row.epochs, last_accuracy=row.last_accuracy,
        best_accuracy=row.best_accuracy, best_on=row.best_on, seconds=row.seconds,
    )  # fmt: skip
