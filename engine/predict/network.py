"""What a run's weights belong to, and which file they are in: those of its checkpoints, or imported ones. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Choice, DataConfig
from engine.contract.run.checkpoints import BEST, UNREADABLE, WEIGHTS, committed, read_meta
from engine.contract.run.folder import RunFolder, RunInfo
from engine.exchange.imports.weights import LAYOUT
from engine.exchange.weights import card

WHICH: Final = ("final", "best", "ema")


@dataclass(frozen=True, slots=True)
class Network:
    """The model of a run, and what its images are like."""

    model: Choice
    data: DataConfig
    tta: str
    channels_last: bool
    file: Path | None = None
    """The file of imported weights; None for a run that was trained here, which keeps its own."""


def network_of(run: RunFolder, parts: Catalog) -> Network:
    """The network of a run. BadInput if it is not known, as for the logs of other programs."""
    info = run.info()
    if info.layout == LAYOUT:
        return _imported(run, info)
    run.refuse_imported()
    recipe = run.recipe(parts)
    return Network(recipe.model, recipe.data, recipe.evaluate.tta, recipe.compute.channels_last)


def _imported(run: RunFolder, info: RunInfo) -> Network:
    """That of weights which `runs import-weights` has tested; they stay where they were."""
    try:
        settings, file = dict(info.imported["settings"]), info.imported["files"][0]
        options = {key.removeprefix("model."): settings[key] for key in settings if key.startswith("model.")}
        mean, std = ([float(value) for value in str(settings[key]).split()] for key in ("mean", "std"))
        model = Choice.model_validate({"name": settings["model"], **options})
        data = DataConfig.model_validate({"name": settings["data"], "normalize": "given", "mean": mean, "std": std})
        path = Path(str(info.imported["folder"])) / str(file["file"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BadInput(f"run {run.id}: what run.json says of its weights is damaged ({error})") from None
    return Network(model, data, "off", channels_last=False, file=path)


def weights_hash(run: RunFolder, which: str) -> str:
    """SHA-256 of the file with the weights. BadInput if the run has none."""
    if which not in WHICH:
        raise BadInput(f"--weights: got {which!r}, needs {', '.join(WHICH[:-1])} or {WHICH[-1]}")
    info = run.info()
    if info.layout == LAYOUT:
        return _imported_hash(run, info.imported, which)
    if which != "best" and not card.finished(run):
        raise BadInput(
            f"run {run.id} has not finished, so it has no final weights; --weights best has its best epoch so far"
        )
    for path in reversed(committed(run.checkpoints)):
        try:
            files = read_meta(path)["files"]
        except UNREADABLE as error:
            raise BadInput(f"the weights of run {run.id} cannot be read: {error}") from None
        if (name := BEST if which == "best" else WEIGHTS) in files:
            return str(files[name]["sha256"])
    raise BadInput(f"run {run.id} has kept no {'best' if which == 'best' else 'final'} weights")


def _imported_hash(run: RunFolder, imported: dict[str, Any], which: str) -> str:
    if which != "final":
        raise BadInput(f"run {run.id} is a file of weights that was imported: it has no others than --weights final")
    try:
        sha256, path = str(imported["files"][0]["sha256"]), Path(imported["folder"]) / imported["files"][0]["file"]
    except (KeyError, IndexError, TypeError) as error:
        raise BadInput(f"run {run.id}: what run.json says of its weights is damaged ({error})") from None
    if not path.is_file():
        raise BadInput(f"run {run.id} was imported from {path}, which is not there any more: weights are not copied")
    return sha256
