"""A run as a row of the results table."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder, RunInfo, recipe_name
from engine.contract.run.records import ProcRecord
from engine.contract.run.status import DENIED, LIVE, status


@dataclass(frozen=True, slots=True)
class Summary:
    """The fields of `runs list --json` (see `to_json`), followed by fields that only the screens need.

    Accuracies are 0..1, or None if there is none yet; `best_accuracy` is the test accuracy of the epoch that is best on
    `best_on`; a run that is tested only at its end has no best epoch, and its `best_on` is "". `started`, `created` and
    `ended` are in seconds since 1970 (0: not yet, or unknown). `seconds` is the working time without the pauses between
    attempts; `estimated` is True if it was estimated from the wall clock, as for runs of versions that did not measure
    it. `epoch_seconds` is how long a recent epoch took, of which `train_seconds` were training (0: unknown). `origin`
    is the id that the run was created with, which a copied folder keeps. `host` is the machine of the latest attempt,
    before the first one that of the creation. `device_name` is the name of the GPU or the CPU. `excluded` is why the
    run is left out of means, verdicts and grids; "" (null in JSON) if it counts.
    """

    id: str
    name: str = ""
    status: str = "lost"
    reason: str = ""
    preset: str = ""
    changes: str = ""
    recipe_id: str = ""
    model: str = ""
    seed: int = 0
    epoch: int = 0
    epochs: int = 0
    last_accuracy: float | None = None
    best_accuracy: float | None = None
    seconds: float = 0.0
    started: float = 0.0
    host: str = ""
    device: str = ""
    size_bytes: int = 0
    tags: tuple[str, ...] = ()
    excluded: str = ""
    folder: str = ""
    message: str = ""
    phase: str = ""
    note: str = ""
    place: int = 0
    best_on: str = "test"
    weights: str = "raw"
    data: str = ""
    created: float = 0.0
    ended: float = 0.0
    notes: tuple[str, ...] = ()
    pinned: bool = False
    estimated: bool = False
    epoch_seconds: float = 0.0
    train_seconds: float = 0.0
    origin: str = ""
    device_name: str = ""
    layout: str = ""
    """The program or format that the run was imported from; "" for a run of our own."""
    garbage: int = 0
    """Number of invalid lines and values in its events and labels; steps and samples are not checked."""

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def recipe_name(self) -> str:
        """What listings call the recipe: its preset, without the folder if that is a file, or else its model."""
        return recipe_name(self.preset, self.model)

    def to_json(self) -> dict[str, Any]:
        """The object of `runs list --json`: exactly the documented keys, in their order."""
        values = {name: getattr(self, name) for name in JSON_KEYS}
        return values | {"tags": list(self.tags), "excluded": self.excluded or None}


JSON_KEYS: Final = tuple(item.name for item in dataclasses.fields(Summary))[:20]


def summarize(folder: RunFolder, fold: RunFold | None = None, now: float | None = None) -> Summary:
    """The current row of a run. Never raises: a damaged run has a row that says so.

    Longer than most functions because it fills one field per line.

    Args:
        fold: of an earlier call for this run, so that only newer events are read; it is brought up to date.
    """
    fold = (fold or RunFold(folder.events)).poll()
    course = fold.course
    state = status(folder.path, now, course)
    try:
        info, damage = folder.info(), ""
    except BadInput as problem:
        info, damage = RunInfo(), str(problem)
    labels = folder.labels()
    reason, message = state.reason, state.message
    if state.reason == "moved":  # there are no files that could be damaged
        damage = ""
    if damage and not state.live and reason != DENIED:
        reason, message = "bad_input", damage
    return Summary(
        id=folder.id,
        name=labels.name,
        status="lost" if damage and not state.live else state.state,
        reason=reason,
        preset=info.preset,
        changes=info.changes,
        recipe_id=info.recipe_id,
        model=info.model,
        seed=info.seed,
        epoch=course.epoch,
        epochs=course.planned or info.epochs,
        last_accuracy=_finite(course.last_accuracy),
        best_accuracy=_finite(course.best_accuracy),
        seconds=course.work.seconds,
        started=_finite(course.begun or info.created) or 0.0,
        host=_host(folder, info),
        device=(course.started.device if course.started else "") or str(info.placement.get("device", "")),
        size_bytes=folder.size_bytes(),
        tags=labels.tags,
        excluded=labels.excluded,
        folder=str(folder.path),
        message=message,
        phase=state.phase,
        note=state.note,
        place=state.place,
        best_on=course.best_on,
        weights=course.weights,
        data=info.data,
        created=_finite(info.created) or 0.0,
        ended=_finite(state.ended) or 0.0,
        notes=labels.notes,
        pinned=labels.pinned,
        estimated=course.work.estimated,
        epoch_seconds=_finite(course.epoch_seconds) or 0.0,
        train_seconds=_finite(course.train_seconds) or 0.0,
        origin=info.id or folder.id,
        device_name=course.started.device_name if course.started else "",
        layout=info.layout,
        garbage=fold.garbage + labels.garbage,
    )


def _host(folder: RunFolder, info: RunInfo) -> str:
    """The machine of the latest attempt; before the first one, and for a run made elsewhere, where it was created."""
    proc = ProcRecord.read(folder.proc)
    return proc.host if proc is not None and proc.host else info.host


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
