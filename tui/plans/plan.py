"""Starting runs: what both the command line and the New run form do with a draft.

Everything is resolved and checked first (recipe, seeds, device, data, room on the disk); only then are folders made and
supervisors spawned, so one bad field starts nothing.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.changes import changes
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run import own_code
from engine.contract.run.store import RunFolder, create
from engine.contract.run.teacher import FIELD, with_teacher
from engine.data.fetch import require
from engine.launch import devices, local
from presets import loader, references
from presets.swap import names_a_part
from tui.drawing.format import counted, file_size
from tui.plans.draft import Draft

BYTES_PER_PARAMETER: Final = 4 * (3 + 3 + 1 + 1)
"""Two checkpoints of weights and at most two optimizer moments, best and final weights, in fp32."""
SPARE_BYTES: Final = 20_000_000
"""Events, log and predictions of one run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs that may be started: all checks have passed."""

    recipe: Recipe
    seeds: tuple[int, ...]
    placement: Placement
    preset: str
    changes: str
    commands: tuple[str, ...]
    root: Path
    teacher: Mapping[str, Any] = field(default_factory=dict)
    """Of a distilled run, for run.json; else empty."""
    note: str = ""
    """What shrank so that the recipe fits into few epochs, for people; else empty."""
    approved: Mapping[str, str] = field(default_factory=dict)
    """Code of the teacher that the user has agreed to, for `start`."""


def plan(
    draft: Draft,
    source: str,
    root: Path,
    parts: Catalog,
    own_parts: Sequence[str] = (),
    roots: Sequence[Path] = (),
    *,
    trust: bool = False,
) -> Plan:
    """Resolve and check a draft.

    Args:
        source: the file or name behind `draft.preset`.
        own_parts: files with parts of the user's own, which `parts` knows already.
        roots: every runs folder, where a teacher may lie; by default `root` alone.
        trust: run the code that another run brings along even where it is another user's or has changed.

    Raises:
        Untrusted: there is such code.
        BadInput: with every problem of the recipe, or the first one outside it.
    """
    fitted, note = draft.fitted(source, parts)
    recipe, teacher = with_teacher(fitted, roots or (root,), parts)
    taught_by = [RunFolder(Path(teacher["folder"]))] if teacher else []
    own_code.approve(own_code.brought_by(own_parts), trust)
    approved = own_code.approve(taught_by, trust)
    placed = draft.placement()
    here = str(user_path(placed.data_dir).absolute()) if placed.data_dir else ""  # trainers work in another folder
    placement = placed.model_copy(update={"parts": tuple(own_parts), "data_dir": here})
    seeds = tuple(draft.seeds())
    if placement.gpus > 1:
        raise BadInput(f"gpus: got {placement.gpus}; a run uses one GPU in this version")
    devices.want(placement)
    if parts.get("dataset", recipe.data.name).meta.get("downloadable"):
        require(recipe.data.name, placement.data_dir)
    need_room(root, [(recipe, len(seeds))], parts)
    said = changes(references.recipe_of(source, parts), recipe, parts)
    exact = draft.put(FIELD, recipe.loss.options["teacher"]) if FIELD in draft.sets else draft  # `@last` moves on
    words = [word for word in exact.command() if word != "--detach"]
    return Plan(
        recipe=recipe,
        seeds=seeds,
        placement=placement,
        preset=draft.preset,
        changes=said,
        commands=tuple(_with_seed(words, seed) for seed in seeds),
        root=root,
        teacher=teacher,
        note=note,
        approved=approved,
    )


def resets(draft: Draft, source: str, parts: Catalog) -> list[str]:
    """What the draft resets by picking other parts than its preset's, one line a part. Raises BadInput.

    Args:
        source: the file or name behind `draft.preset`.
    """
    edits = draft.edits()
    if not (edits.model or edits.schedule or any(map(names_a_part, edits.sets))):
        return []
    return loader.reset_by(references.recipe_of(source, parts), draft.recipe(source, parts), edits, parts)


def launch(planned: Plan, start: Callable[..., object] = local.start) -> list[RunFolder]:
    """Make the folders, then start a supervisor for each; they queue for the device in this order.

    Raises:
        BadInput: the runs folder cannot be written; nothing was started.
        StartFailed: a supervisor did not come up; the runs before it have started.
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
        )
        for seed, command in zip(planned.seeds, planned.commands, strict=True)
    ]
    for run in runs:
        own = own_code.approve([run], trust=True) if planned.placement.parts else {}  # copied a moment ago, by us
        approved = {**planned.approved, **own}
        start(run, **({"approved": approved} if approved else {}))
    return runs


def _with_seed(words: Sequence[str], seed: int) -> str:
    """The command that repeats one run of several."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip or word in ("--seed", "--seeds"):
            skip = not skip
            continue
        kept.append(word)
    return shlex.join([*kept[:3], "--seed", str(seed), *kept[3:]])


def need_room(root: Path, wanted: Sequence[tuple[Recipe, int]], parts: Catalog) -> None:
    """Refuse what the disk cannot hold: recipes, and how many runs of each. Raises BadInput."""
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
    """What one run of a recipe takes on the disk at most."""
    parameters = int(parts.get("model", recipe.model.name).meta.get("params", 0))
    return parameters * BYTES_PER_PARAMETER + SPARE_BYTES
