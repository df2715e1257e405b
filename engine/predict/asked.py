"""What `runs predict` asks for, checked as far as that is possible without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.contract.errors import BadInput, user_path
from engine.contract.files import owned_by
from engine.contract.run import predicted, predictions
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Predicted
from engine.contract.run.summary import summarize
from engine.data.given.hashes import hashed, identity
from engine.data.given.layouts import Given, open_given
from engine.data.given.model_input import ModelInput
from engine.exchange.weights import card
from engine.predict.network import network_of, weights_hash


@dataclass(frozen=True, slots=True)
class Asked:
    """What a child process needs to predict."""

    run: str
    """The run folder."""
    source: str
    """The files, as the user named them."""
    labels: str = ""
    name: str = ""
    which: str = "final"
    """"final", "best" or "ema"; the last one are the final weights of a run with averaging."""
    tta: bool = False
    device: str = "auto"
    threads: int = 0
    data_dir: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    """From `hashed`."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of those that are asked for, after all checks."""

    run: RunFolder
    asked: Asked
    given: Given
    done: Predicted | None
    """The stored result, if nothing has to be computed."""


def plan(
    runs: Sequence[RunFolder],
    asked: Asked,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Planned]:
    """Check everything for all runs before anything is computed, and look for what is done already.

    Args:
        asked: without `run` and `files`, which are filled in for each run.
        again: compute what is done already, too.
        progress: called with the bytes hashed so far and those of all files.

    Raises:
        BadInput: the files do not fit a run, or a run cannot predict.
    """
    source, labels, data_dir = (_absolute(given) for given in (asked.source, asked.labels, asked.data_dir))
    asked = replace(asked, source=source, labels=labels, data_dir=data_dir)
    checked = [(run, *_check(run, asked)) for run in runs]
    hashes: dict[tuple[Path, ...], list[dict[str, Any]]] = {}
    found = []
    for run, given, weights in checked:
        paths = tuple(file.path for file in given.files)
        if paths not in hashes:
            hashes[paths] = hashed(given, progress)
        files = hashes[paths]
        known = stored(run, given.name, asked.which)
        refuse_other_data(run, known, identity(files))
        done = known if not again and is_done(known, weights, asked.tta) else None
        found.append(Planned(run, replace(asked, run=str(run.path), files=files), given, done))
    return found


def _absolute(given: str) -> str:
    """The path of what is there, from the root, since the child works in another folder; others as they are."""
    path = user_path(given)
    return str(path.absolute()) if given and path.exists() else given


def _check(run: RunFolder, asked: Asked) -> tuple[Given, str]:
    """The files as this run takes them, and SHA-256 of its weights."""
    run.refuse_newer()
    wants = model_input(run)
    weights = weights_hash(run, asked.which)
    if not os.access(run.path, os.W_OK):
        raise BadInput(f"run {run.id}: results cannot be written into {run.path}{owned_by(run.path)}")
    card.refuse_unless_averaged(asked.which, summarize(run).weights, run.id)
    if asked.tta:
        refuse_without_tta(run)
    return open_given(asked.source, wants, labels=asked.labels, name=asked.name, data_dir=asked.data_dir), weights


def model_input(run: RunFolder) -> ModelInput:
    """What a run's model takes. BadInput if that is not known before its data set is loaded."""
    parts = run.own_catalog()
    part = parts.get("dataset", network_of(run, parts).data.name)
    classes = _classes(run)
    if not classes:
        raise BadInput(f"run {run.id} has not begun to train, so it has no weights to predict with")
    size, channels = part.meta.get("image_size"), part.meta.get("channels")
    if not isinstance(size, int) or not isinstance(channels, int):
        raise BadInput(f"data set {part.name}: its @register names no image_size and channels ({part.path})")
    return ModelInput(part.name, classes, channels, size)


def _classes(run: RunFolder) -> tuple[str, ...]:
    """The names of the classes in the order of the logits; empty if nothing says them."""
    started = RunFold(run.events).poll().course.started
    if started is not None and started.classes:
        return tuple(started.classes)
    try:
        return tuple(predictions.read(run.predictions).classes)
    except (OSError, ValueError, KeyError):
        return ()


def refuse_without_tta(run: RunFolder) -> None:
    """BadInput if the run is not evaluated with test-time augmentation."""
    if network_of(run, run.own_catalog()).tta == "off":
        raise BadInput(
            f"--tta: run {run.id} has no test-time augmentation (evaluate.tta is off), so its results on the test set "
            "have no such figure to compare with"
        )


def stored(run: RunFolder, name: str, which: str) -> Predicted | None:
    """What was predicted under this name with these weights."""
    stem = Predicted(name=name, which="best" if which == "best" else "final").stem
    return predicted.entry_in(run.predicted / f"{stem}.json")


def refuse_other_data(run: RunFolder, one: Predicted | None, data: str) -> None:
    """BadInput if a name is taken by other files."""
    if one is not None and one.data != data:
        raise BadInput(
            f"run {run.id} has predictions for other files called {one.name} (SHA-256 {one.data[:12]}, now "
            f"{data[:12]}); choose another --name"
        )


def is_done(one: Predicted | None, weights: str, tta: bool) -> bool:
    """Whether predictions are those of these weights, and hold all that is asked for."""
    return one is not None and one.weights_sha256 == weights and (not tta or one.tta != "off")
