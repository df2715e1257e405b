"""The teacher of a distilled run: finding the run that is meant, and recording which weights it teaches with.

No torch, so that a teacher that cannot be one is refused before anything starts. The recipe names the teacher by its
full id, which never changes; `run.json` keeps the rest, and a resume demands the very same weights.
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
"""A loss with an argument of this name is told what a teacher says, and has an option `teacher`."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Who teaches: the entry `teacher` of run.json, empty for a run without one."""

    id: str = ""
    folder: str = ""
    recipe_id: str = ""
    model: str = ""
    epoch: int = 0
    """Of the weights, from 1."""
    weights: str = "raw"
    """raw, ema or swa."""
    sha256: str = ""
    """Of the file with the weights."""


def is_taught(recipe: Recipe, catalog: Catalog) -> bool:
    """Whether the recipe's loss listens to a teacher."""
    return LOGITS in catalog.get("loss", recipe.loss.name).positional


def with_teacher(recipe: Recipe, roots: Sequence[Path], catalog: Catalog) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with its teacher's full id in place of what a person wrote, and the entry for run.json.

    A recipe whose loss has no teacher comes back as it is, with an empty entry.

    Args:
        roots: the runs folders in which a teacher is looked for.

    Raises:
        BadInput: no such run, or one that has not finished, keeps no weights, or learned other images.
    """
    if not is_taught(recipe, catalog):
        return recipe, {}
    try:
        run = _find(roots, recipe.loss.options["teacher"])
        teacher = _examine(run, recipe, catalog)
    except BadInput as error:
        raise BadInput([f"{FIELD}: {problem}" for problem in error.problems]) from None
    loss = Choice(name=recipe.loss.name, **recipe.loss.options | {"teacher": run.id})
    fields = {name: getattr(recipe, name) for name in Recipe.model_fields}
    return Recipe(**fields | {"loss": loss}), plain(teacher)


def hired(run: RunFolder) -> tuple[Teacher, RunFolder]:
    """The teacher that a run was made with and its folder: where it was then, else next to the run.

    Raises:
        BadInput: there is none on record, it is gone, or its weights are other ones now.
    """
    try:
        teacher = build(Teacher, run.info().teacher)
    except TypeError as error:
        raise BadInput(f"run {run.id}: run.json does not tell its teacher: {error}") from error
    if not teacher.id:
        raise BadInput(f"{FIELD}: run {run.id} was made without looking up its teacher")
    places = [Path(teacher.folder), run.path.parent / teacher.id]
    there = [RunFolder(place) for place in places if is_run(place)]
    if not there:
        deleted = any(is_run(trash_of(place.parent) / teacher.id) for place in places)
        back = f"; it is in the trash: cifar-tui runs restore {teacher.id}" if deleted else ""
        raise BadInput(f"{FIELD}: run {teacher.id} is gone; it was {teacher.folder}{back}")
    found = [newest_weights(place)[1] for place in there]
    if teacher.sha256 not in found:
        now = f"SHA-256 {found[0][:12] or 'none'}, {teacher.sha256[:12]} when this run was made"
        raise BadInput(f"{FIELD}: the weights of run {teacher.id} are not the same any more ({now})")
    return teacher, there[found.index(teacher.sha256)]


def needed(teachers: Collection[str], rows: Iterable[Summary]) -> dict[str, list[str]]:
    """The runs that still have to learn from each of some teachers: neither finished nor among them. By full ids."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == "finished" or row.id in teachers:
            continue
        with suppress(BadInput):  # a damaged run learns from nobody
            teacher = RunFolder(Path(row.folder)).info().teacher.get("id", "")
            if teacher in teachers:
                found.setdefault(teacher, []).append(row.id)
    return found


def newest_weights(run: RunFolder) -> tuple[int, str]:
    """Epoch and SHA-256 of the newest weights that a run keeps; (0, "") without any."""
    for path in reversed(committed(run.checkpoints)):
        with suppress(*UNREADABLE):
            meta = read_meta(path)
            if WEIGHTS in meta["files"]:
                return int(meta["epoch"]), str(meta["files"][WEIGHTS]["sha256"])
    return 0, ""


def _find(roots: Sequence[Path], ref: str) -> RunFolder:
    """A run by the usual references, or by the path of its folder."""
    if not ref:
        raise BadInput("which finished run teaches? Its id, the last four of it, its name, its folder or @last")
    if "/" in ref:
        path = user_path(ref).resolve()
        if not is_run(path):
            raise BadInput(f"{ref} is no run folder")
        return RunFolder(path)
    return find(roots, ref)


def _examine(run: RunFolder, recipe: Recipe, catalog: Catalog) -> Teacher:
    """What is recorded of a teacher. Raises BadInput where it cannot be one for this recipe."""
    row, taught = summarize(run), run.recipe()
    if row.status != "finished":
        raise BadInput(f"run {run.id} is {row.status}; a teacher must have finished")
    epoch, digest = newest_weights(run)
    if not digest:
        raise BadInput(f"run {run.id} keeps no weights (it ended with keep = none, or they were pruned)")
    theirs, ours = (_data_set(each.data.name, catalog) for each in (taught, recipe))
    if theirs != ours:
        raise BadInput(f"run {run.id} has learned {theirs}, this one is to learn {ours}")
    return Teacher(run.id, str(run.path), taught.recipe_id, taught.model.name, epoch, row.weights, digest)


def _data_set(name: str, catalog: Catalog) -> str:
    """`cifar100 (100 classes)`."""
    try:
        part = catalog.get("dataset", name)
    except BadInput:  # a data set of the teacher's own parts
        return name
    return f"{part.name} ({part.meta['classes']} classes)" if "classes" in part.meta else part.name
