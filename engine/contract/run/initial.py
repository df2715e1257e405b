"""The weights that a run starts from instead of random ones: find what the user means, and record which they are.

Torch is not needed, so that a missing file is refused before anything is written. What the user writes, a run or a
file, becomes `PLACE@sha256:HASH` in the recipe, where PLACE is the id of a run or an absolute path. The recipe's id
depends on the hash alone. `run.json` holds the rest. The weights are read only when training starts from its first
step: a run with a checkpoint resumes without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.schema import PIN, Recipe
from engine.contract.run.checkpoints import BEST, UNREADABLE, WEIGHTS, committed, read_meta
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.roots import is_run
from engine.contract.run.select import find
from engine.contract.run.summary import summarize
from engine.contract.run.weights_file import SUFFIXES, inspect, sha256_of, weights_in
from engine.contract.values import build, plain

FIELD: Final = "init_from"
CHOICES: Final = ("final", "best", "ema")
"""The weights of a run that can be named after a colon, as in `RUN:best`, by the names that an export uses."""
_FILE: Final = {"final": WEIGHTS, "ema": WEIGHTS, "best": BEST}


@dataclass(frozen=True, slots=True)
class Initial:
    """The entry `initial` of run.json, empty for a run that starts from random weights."""

    source: str = ""
    """"run" or "file"."""
    path: str = ""
    """The run folder or the file."""
    sha256: str = ""
    """SHA-256 of the file with the weights; of a run, that of the file in its checkpoint."""
    run: str = ""
    """The id of the run."""
    weights: str = ""
    """Which weights of the run: "final", "best" or "ema"."""
    epoch: int = 0
    """The epoch of these weights, from 1."""
    model: str = ""
    """The model of the run."""

    def words(self) -> str:
        """Where the weights come from, for people."""
        if self.source == "run":
            return f"{self.weights} weights of run {self.run} ({self.model}, epoch {self.epoch})"
        return f"{self.path} (SHA-256 {self.sha256[:12]})"


def with_initial(recipe: Recipe, roots: Sequence[Path]) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with the place and hash of its initial weights instead of what the user wrote, and the run.json entry.

    A recipe that starts from random weights is returned unchanged, with an empty entry.

    Args:
        roots: the runs folders in which to look for a run.

    Raises:
        BadInput: there is no such run or file, it has no such weights, or they are not those with the hash in the
            recipe.
    """
    if not recipe.init_from:
        return recipe, {}
    place, _, pin = recipe.init_from.partition(PIN)
    try:
        initial, place = _found(place, roots)
        if pin and pin != initial.sha256:
            raise BadInput(f"{place} has changed: its SHA-256 is {initial.sha256[:12]}, not {pin[:12]}")
    except BadInput as error:
        raise BadInput([f"{FIELD}: {problem}" for problem in error.problems]) from None
    fields = {name: getattr(recipe, name) for name in Recipe.model_fields}
    return Recipe(**fields | {FIELD: f"{place}{PIN}{initial.sha256}"}), plain(initial)


def initial_of(run: RunFolder) -> tuple[Initial, Path]:
    """The initial weights that a run was created with, and their file.

    Raises:
        BadInput: none are recorded, they are gone, or they have changed.
    """
    try:
        initial = build(Initial, run.info().initial)
    except TypeError as error:
        raise BadInput(f"run {run.id}: the initial weights in run.json are invalid: {error}") from error
    if not initial.source:
        raise BadInput(f"{FIELD}: no initial weights are recorded for run {run.id}")
    try:
        return initial, file_of(initial, run.path.parent)
    except BadInput as error:
        raise BadInput([f"{FIELD}: {problem}" for problem in error.problems]) from None


def initial_words(info: RunInfo) -> str:
    """Where the initial weights of a run come from, for people; "" if they are random."""
    try:
        return build(Initial, info.initial).words() if info.initial else ""
    except TypeError:
        return "weights that run.json does not name"


def without_folder(init_from: str) -> str:
    """The value of the recipe's field without the folder of the file; the recipe's id stays what it is."""
    place, pin, digest = init_from.partition(PIN)
    return f"{Path(place).name}{pin}{digest}" if digest else init_from


def file_of(initial: Initial, beside: Path | None = None) -> Path:
    """The file with initial weights.

    Args:
        beside: a runs folder in which a run is also looked for.

    Raises:
        BadInput: it is gone or has changed.
    """
    if initial.source == "file":
        file = Path(initial.path)
        inspect(file)
        found = sha256_of(file)
    else:
        places = [Path(initial.path), *([beside / initial.run] if beside else [])]
        there = next((RunFolder(place) for place in places if is_run(place)), None)
        if there is None:
            raise BadInput(f"run {initial.run} is gone; it was in {initial.path}")
        _, found, file = weights_of(there, initial.weights)
    if found != initial.sha256:
        now = f"SHA-256 {found[:12]}, {initial.sha256[:12]} when they were recorded"
        raise BadInput(f"{initial.words()}: these weights have changed ({now})")
    return file


def weights_of(run: RunFolder, which: str) -> tuple[int, str, Path]:
    """Epoch, SHA-256 and file of the newest weights of a run. BadInput if it has none.

    Args:
        which: one of `CHOICES`.
    """
    name = _FILE[which]
    for path in reversed(committed(run.checkpoints)):
        with suppress(*UNREADABLE):
            meta = read_meta(path)
            if name in meta["files"]:
                epoch = meta["best_epoch"] if name == BEST else meta["epoch"]
                return int(epoch), str(meta["files"][name]["sha256"]), path / name
    raise BadInput(f"run {run.id} has kept no {'best' if which == 'best' else 'final'} weights")


def _found(place: str, roots: Sequence[Path]) -> tuple[Initial, str]:
    """The weights that a place stands for, and the place in full."""
    path = user_path(place).absolute()
    named = "/" in place or place.lower().endswith(SUFFIXES)  # other words may be the names of runs
    if not is_run(path) and (path.is_file() or (path / "config.json").is_file() or (named and path.exists())):
        return _of_file(weights_in(path))
    ref, _, which = place.rpartition(":")
    if not (ref and which in CHOICES):
        ref, which = place, "final"
    path = user_path(ref).absolute()
    if is_run(path):
        return _of_run(RunFolder(path), which, roots)
    if named:
        raise BadInput(f"{place}: no such file")
    return _of_run(find(roots, ref), which, roots)


def _of_file(path: Path) -> tuple[Initial, str]:
    inspect(path)
    return Initial("file", str(path), sha256_of(path)), str(path)


def _of_run(run: RunFolder, which: str, roots: Sequence[Path]) -> tuple[Initial, str]:
    """The weights of a run. BadInput if it is live, so that they change, or has no such weights."""
    run.refuse_imported()
    row = summarize(run)
    if row.live or (which != "best" and row.status != "finished"):
        best = "" if row.live else f"; its best ones so far are {run.id}:best"
        raise BadInput(f"run {run.id} is {row.status}, so it has no final weights yet{best}")
    if which == "ema" and row.weights != "ema":
        raise BadInput(f"run {run.id} has no ema weights; {run.id} stands for its final ones")
    epoch, digest, _ = weights_of(run, which)
    known = run.path.parent in [root.absolute() for root in roots]
    place = (run.id if known else str(run.path)) + ("" if which == "final" else f":{which}")
    return Initial("run", str(run.path), digest, run.id, which, epoch, run.info().model), place
