"""Runs that are ready to start, and starting them: for the command line, the form, grids and suites alike.

Everything is resolved and checked first (recipe, seeds, device, data, disk space). Only then are folders made and
supervisors started, so nothing starts where one field is wrong.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.numbers import counted
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.ranks import indivisible
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run import own_code
from engine.contract.run.initial import FIELD as INIT_FROM
from engine.contract.run.initial import with_initial
from engine.contract.run.store import RunFolder, create
from engine.contract.run.teacher import FIELD, with_teacher
from engine.contract.text import file_size
from engine.exchange.tensorboard.needed import require_tensorboard
from engine.launch import devices
from engine.launch.incoming import check_initial
from engine.launch.start import check, start
from tui.plans.configured import placement_of
from tui.plans.draft import Draft
from tui.plans.resolution import Resolution

BYTES_PER_PARAMETER: Final = 4 * (3 + 3 + 1 + 1)
"""Two checkpoints of weights and at most two optimizer moments, best and final weights, in fp32."""
SPARE_BYTES: Final = 20_000_000
"""Events, log and predictions of one run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs of one recipe that are ready to start: all checks have passed."""

    recipe: Recipe
    seeds: tuple[int, ...]
    placement: Placement
    preset: str
    changes: str
    """How the recipe differs from its preset, as text."""
    commands: tuple[str, ...]
    """The command that repeats each run, in the order of `seeds`."""
    root: Path
    teacher: Mapping[str, Any] = field(default_factory=dict)
    """The entry for run.json of a distilled run; empty for other runs."""
    initial: Mapping[str, Any] = field(default_factory=dict)
    """The entry for run.json of a run that starts from given weights; empty for other runs."""
    note: str = ""
    """What was shortened to fit into few epochs, and what was left out of the initial weights; "" for neither."""
    approved: Mapping[str, str] = field(default_factory=dict)
    """The teacher's code that the user has approved, as the supervisor takes it."""


def plan(
    found: Resolution,
    root: Path,
    own_parts: Sequence[str] = (),
    roots: Sequence[Path] = (),
    *,
    seeds: Sequence[int] = (),
    trust: bool = False,
) -> Plan:
    """Check a resolved draft and make a plan of it.

    Args:
        root: the folder that the runs are made in.
        own_parts: files with the user's own parts, which the catalog of `found` includes already.
        roots: all runs folders, where a teacher may be; by default only `root`.
        seeds: the seeds, where they are not those of the draft.
        trust: run the code of other runs even if another user wrote it or it has changed.

    Raises:
        Untrusted: there is such code, and `trust` is not set.
        BadInput: with every problem of the recipe, or else the first problem outside it.
    """
    draft, parts = found.draft, found.parts
    recipe, teacher = with_teacher(found.recipe, roots or (root,), parts)
    recipe, initial = with_initial(recipe, roots or (root,))
    own_code.approve(own_code.brought_by(own_parts), trust)
    approved = own_code.approve([RunFolder(Path(teacher["folder"]))] if teacher else [], trust)
    placed = placement_of(draft)
    if placed.tensorboard:
        require_tensorboard("--tensorboard")
    data_dir = str(user_path(placed.data_dir).absolute()) if placed.data_dir else ""  # trainers change the folder
    placement = placed.model_copy(update={"parts": tuple(own_parts), "data_dir": data_dir})
    seeds = seeds or draft.seeds()
    if placement.launcher == "local":
        devices.request(placement)
    else:
        check(placement)
    if problem := indivisible(recipe, placement.gpus, _training_images(recipe, parts)):
        raise BadInput(problem)
    if parts.get("dataset", recipe.data.name).meta.get("downloadable"):
        from engine.data.fetch import require

        require(recipe.data.name, placement.data_dir)
    need_room(root, [(recipe, len(seeds))], parts)
    if FIELD in draft.sets:  # what a person wrote, such as @last, will mean another run later
        draft = draft.put(FIELD, recipe.loss.options["teacher"])
    if INIT_FROM in draft.sets:
        draft = draft.put(INIT_FROM, recipe.init_from)
    left_out = check_initial(recipe, initial, parts, own_parts)
    return Plan(
        recipe=recipe,
        seeds=tuple(seeds),
        placement=placement,
        preset=draft.preset,
        changes=changes(found.base, recipe, parts),
        commands=tuple(_command(draft, seed) for seed in seeds),
        root=root,
        teacher=teacher,
        initial=initial,
        note="; ".join(filter(None, (found.note, left_out))),
        approved=approved,
    )


def _training_images(recipe: Recipe, parts: Catalog) -> int:
    """The number of training images; 0 if only the trainer can count them."""
    data = recipe.data
    whole = data.fraction == 1 and not data.holdout and data.train_slice == "all"
    return int(parts.get("dataset", data.name).meta.get("train_images", 0)) if whole else 0


def _command(draft: Draft, seed: int) -> str:
    """The command that repeats the run of one seed."""
    return shlex.join(draft.put("place.seeds", str(seed)).command(detach=False))


def launch(planned: Plan, start: Callable[..., object] = start) -> list[RunFolder]:
    """Make the run folders, then start them in this order; those of a scheduler are submitted.

    Raises:
        BadInput: the runs folder cannot be written; nothing was started.
        StartFailed: a run did not start, or was refused by the scheduler; the runs before it have started.
    """
    runs = [
        create(
            planned.root,
            planned.recipe,
            seed=seed,
            placement=planned.placement,
            preset=planned.preset,
            changes=planned.changes,
            command=command,
            teacher=planned.teacher,
            initial=planned.initial,
        )
        for seed, command in zip(planned.seeds, planned.commands, strict=True)
    ]
    for run in runs:
        own = own_code.approve([run], trust=True) if planned.placement.parts else {}  # copied just now, by this process
        approved = {**planned.approved, **own}
        start(run, **({"approved": approved} if approved else {}))
    return runs


def need_room(root: Path, wanted: Sequence[tuple[Recipe, int]], parts: Catalog) -> None:
    """Refuse runs that the disk cannot hold.

    Args:
        wanted: recipes, and the number of runs of each.

    Raises:
        BadInput: there is too little space.
    """
    needed = sum(runs * _bytes(recipe, parts) for recipe, runs in wanted)
    place = root
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        names = dict.fromkeys(recipe.model.name for recipe, _ in wanted)
        of = next(iter(names)) if len(names) == 1 else f"{len(names)} models"
        count = sum(runs for _, runs in wanted)
        need = f"{counted(count, 'run')} of {of} {'needs' if count == 1 else 'need'} {file_size(needed)}"
        raise BadInput(f"{place} has {file_size(free)} free; {need}")


def _bytes(recipe: Recipe, parts: Catalog) -> int:
    """The most that one run of a recipe takes on disk."""
    parameters = int(parts.get("model", recipe.model.name).meta.get("params", 0))
    return parameters * BYTES_PER_PARAMETER + SPARE_BYTES
