"""The teacher of a distilled run: find the run that the user means, and record which of its weights are used.

Torch is not needed, so that an invalid teacher is refused before anything starts. The recipe holds the full id of the
teacher, which never changes; `run.json` holds the rest, and a resume requires the same weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Choice, Recipe
from engine.contract.run.checkpoints import UNREADABLE, WEIGHTS, committed, read_meta
from engine.contract.run.folder import RunFolder
from engine.contract.run.roots import is_run
from engine.contract.run.select import find
from engine.contract.run.summary import Summary, summarize
from engine.contract.run.trash import trash_of
from engine.contract.values import build, plain

FIELD: Final = "loss.teacher"
LOGITS: Final = "teacher_logits"
"""A loss with an argument of this name gets the logits of a teacher, and has an option `teacher`."""


@dataclass(frozen=True, slots=True)
class TeacherRecord:
    """The entry `teacher` of run.json, empty for a run without a teacher."""

    id: str = ""
    folder: str = ""
    recipe_id: str = ""
    model: str = ""
    epoch: int = 0
    """The epoch of the weights, from 1."""
    weights: str = "raw"
    """raw, ema or swa."""
    sha256: str = ""
    """SHA-256 of the file with the weights."""


def is_distilled(recipe: Recipe, catalog: Catalog) -> bool:
    """Whether the recipe's loss uses a teacher."""
    return LOGITS in catalog.get("loss", recipe.loss.name).positional


def with_teacher(recipe: Recipe, roots: Sequence[Path], catalog: Catalog) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with the full id of its teacher in place of what the user wrote, and the entry for run.json.

    A recipe whose loss uses no teacher is returned unchanged, with an empty entry.

    Args:
        roots: the runs folders in which to look for the teacher.

    Raises:
        BadInput: there is no such run, it has not finished, it has no weights, or it was trained on other images.
    """
    if not is_distilled(recipe, catalog):
        return recipe, {}
    try:
        run = _find(roots, recipe.loss.options["teacher"])
        teacher = _record(run, recipe, catalog)
    except BadInput as error:
        raise BadInput([f"{FIELD}: {problem}" for problem in error.problems]) from None
    loss = Choice(name=recipe.loss.name, **recipe.loss.options | {"teacher": run.id})
    fields = {name: getattr(recipe, name) for name in Recipe.model_fields}
    return Recipe(**fields | {"loss": loss}), plain(teacher)


def teacher_of(run: RunFolder) -> tuple[TeacherRecord, RunFolder]:
    """The teacher that a run was created with, and its folder: the recorded one, else one beside the run.

    Raises:
        BadInput: none is recorded, it is gone, or its weights have changed.
    """
    try:
        teacher = build(TeacherRecord, run.info().teacher)
    except TypeError as error:
        raise BadInput(f"run {run.id}: the teacher in run.json is invalid: {error}") from error
    if not teacher.id:
        raise BadInput(f"{FIELD}: no teacher is recorded for run {run.id}")
    places = [Path(teacher.folder), run.path.parent / teacher.id]
    there = [RunFolder(place) for place in places if is_run(place)]
    if not there:
        deleted = any(is_run(trash_of(place.parent) / teacher.id) for place in places)
        back = f"; `cifar-tui runs restore {teacher.id}` brings it back from the trash" if deleted else ""
        raise BadInput(f"{FIELD}: run {teacher.id} is gone; it was in {teacher.folder}{back}")
    found = [newest_weights(place)[1] for place in there]
    if teacher.sha256 not in found:
        now = f"SHA-256 {found[0][:12] or 'none'}, {teacher.sha256[:12]} when this run was created"
        raise BadInput(f"{FIELD}: the weights of run {teacher.id} have changed ({now})")
    return teacher, there[found.index(teacher.sha256)]


def students_of(teachers: Collection[str], rows: Iterable[Summary]) -> dict[str, list[str]]:
    """The unfinished runs that are distilled from each teacher, by full ids; the teachers themselves do not count."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == "finished" or row.id in teachers:
            continue
        with suppress(BadInput):  # a damaged run has no teacher
            teacher = RunFolder(Path(row.folder)).info().teacher.get("id", "")
            if teacher in teachers:
                found.setdefault(teacher, []).append(row.id)
    return found


def newest_weights(run: RunFolder) -> tuple[int, str]:
    """Epoch and SHA-256 of the newest weights of a run; (0, "") if it has none."""
    for path in reversed(committed(run.checkpoints)):
        with suppress(*UNREADABLE):
            meta = read_meta(path)
            if WEIGHTS in meta["files"]:
                return int(meta["epoch"]), str(meta["files"][WEIGHTS]["sha256"])
    return 0, ""


def _find(roots: Sequence[Path], ref: str) -> RunFolder:
    """A run by one of the usual references, or by the path of its folder."""
    if not ref:
        raise BadInput(
            "name a finished run as the teacher: its id, the last four characters of it, its name, its folder or @last"
        )
    if "/" in ref:
        path = user_path(ref).resolve()
        if not is_run(path):
            raise BadInput(f"{ref} is not a run folder")
        return RunFolder(path)
    return find(roots, ref)


def _record(run: RunFolder, recipe: Recipe, catalog: Catalog) -> TeacherRecord:
    """The entry for a teacher. Raises BadInput if the run cannot be a teacher for this recipe."""
    row, own = summarize(run), run.recipe()
    if row.status != "finished":
        raise BadInput(f"run {run.id} is {row.status}; a teacher must be finished")
    epoch, digest = newest_weights(run)
    if not digest:
        raise BadInput(f"run {run.id} has no weights (it ended with keep = none, or they were pruned)")
    theirs, ours = (_data_set(each.data.name, catalog) for each in (own, recipe))
    if theirs != ours:
        raise BadInput(f"run {run.id} was trained on {theirs}, but this recipe uses {ours}")
    return TeacherRecord(run.id, str(run.path), own.recipe_id, own.model.name, epoch, row.weights, digest)


def _data_set(name: str, catalog: Catalog) -> str:
    """`cifar100 (100 classes)`."""
    try:
        part = catalog.get("dataset", name)
    except BadInput:  # a data set from the teacher's own parts
        return name
    return f"{part.name} ({part.meta['classes']} classes)" if "classes" in part.meta else part.name
