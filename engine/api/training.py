"""Train a recipe from another program, in a process of its own, and follow it."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from engine.api.run import Run, load
from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog, catalog
from engine.contract.recipe.changes import changes as changes_between
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Placement, Recipe
from engine.contract.run import own_code
from engine.contract.run.events import Event
from engine.contract.run.initial import with_initial
from engine.contract.run.store import RunFolder, create, runs_roots
from engine.contract.run.teacher import with_teacher
from engine.data.fetch import require
from engine.launch import control, devices, local, watch
from engine.launch.incoming import check_initial
from presets import loader, references
from presets.shrink import fit

Callback: TypeAlias = Callable[[Event], object]


class RunFailed(Exception):
    """A run did not finish. The message says why; `run` is its folder as far as it got."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


def train(
    recipe: str | Mapping[str, Any] | Recipe,
    callbacks: Callback | Sequence[Callback] = (),
    *,
    changes: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    name: str = "",
    tags: Sequence[str] = (),
    data_dir: str = "",
    keep: Literal["all", "resumable", "weights", "none"] = "weights",
    parts: Sequence[str] = (),
    runs_dir: str = "",
    detach: bool = False,
) -> Run:
    """Train a recipe in a process of its own, and return the run when it has ended.

    Args:
        recipe: the name of a preset, a TOML file, `suite:NAME/ROW` or `run:RUN`; a table such as a preset's; or a
            recipe that was resolved before.
        callbacks: each is called with every event (see `engine.contract.run.events`) as it is read. If one raises, or
            Ctrl-C is pressed, the run is asked to stop with a checkpoint and the exception goes on.
        changes: as for `--set` on the command line, for example `["epochs=5", "optimizer.lr=0.1"]`.
        device: auto, cpu, cuda, cuda:1 or mps.
        data_dir: the folder with the data set; by default `$CIFAR_TUI_DATA` or the platform's data folder.
        keep: the checkpoints that stay when the run has finished.
        parts: Python files with parts of your own.
        runs_dir: the folder for the run; by default `$CIFAR_TUI_RUNS` or the platform's data folder.
        detach: return as soon as the run has started; `load` shows how far it is.

    Raises:
        BadInput: the recipe, a change, the device or the data is not valid; nothing was started.
        StartFailed: the process could not be started.
        RunFailed: the run ended in any other way than by finishing.
    """
    roots = runs_roots([runs_dir] if runs_dir else [])
    resolved, base, preset, own_parts, known = _resolved(recipe, changes, parts, roots)
    resolved, teacher = with_teacher(resolved, roots, known)
    resolved, initial = with_initial(resolved, roots)
    own_code.approve(own_code.brought_by(own_parts), trust=False)
    placement = Placement(
        device=device, data_dir=data_dir and str(Path(data_dir).expanduser().absolute()), name=name, tags=tuple(tags),
        keep=keep, parts=tuple(own_parts),
    )  # fmt: skip
    devices.request(placement)
    if known.get("dataset", resolved.data.name).meta.get("downloadable"):
        require(resolved.data.name, placement.data_dir)
    check_initial(resolved, initial, known, own_parts)
    run = create(
        roots[0],
        resolved,
        seed=seed,
        placement=placement,
        preset=preset,
        changes=changes_between(base, resolved, known),
        command=_command(preset, changes, seed),
        teacher=teacher,
        initial=initial,
    )
    approved = own_code.approve([run], trust=True) if own_parts else {}  # copied just now, by this process
    local.start(run, approved=approved)
    if not detach:
        _follow(run, [callbacks] if callable(callbacks) else list(callbacks))
    return load(run.path)


def _resolved(
    recipe: str | Mapping[str, Any] | Recipe, edits: Sequence[str], parts: Sequence[str], roots: Sequence[Path]
) -> tuple[Recipe, Recipe, str, Sequence[str], Catalog]:
    """The recipe, the one before the edits, the preset's name, the files of parts, and the catalog with them."""
    if isinstance(recipe, str):
        source = references.look_up(recipe, parts, roots)
        base = references.recipe_of(source.file, source.parts)
        found = fit(source.file, source.parts, loader.Edits(sets=list(edits)))[0] if edits else base
        return found, base, recipe, source.own_parts, source.parts
    files = [str(Path(file).expanduser().resolve()) for file in parts]
    known = catalog(tuple(map(Path, files)))
    table = recipe.to_table() if isinstance(recipe, Recipe) else recipe
    base = resolve(table, known, "the recipe")
    changed = loader.edit(table, loader.Edits(sets=list(edits)), known, "the recipe") if edits else table
    return resolve(changed, known, "the recipe"), base, "", files, known


def _command(preset: str, changes: Sequence[str], seed: int) -> str:
    """The command that repeats the run; "" for a recipe without a name."""
    sets = [word for change in changes for word in ("--set", change)]
    return shlex.join(["cifar-tui", "--preset", preset, *sets, "--seed", str(seed), "--headless"]) if preset else ""


def _follow(run: RunFolder, callbacks: Sequence[Callback]) -> None:
    """Call the callbacks until the run has ended; on an exception ask the run to stop, and wait for that.

    Raises:
        RunFailed: it did not finish.
    """
    try:
        for item in watch.follow(run):
            if isinstance(item, Event):
                for callback in callbacks:
                    callback(item)
    except BaseException:
        with contextlib.suppress(BadInput):  # it has just ended by itself
            control.stop(run)
            control.wait(run)
        raise
    status = run.status()
    if status.state != "finished":
        raise RunFailed(
            f"run {run.id} {status.state}: {status.message or status.reason or 'no reason'}", load(run.path)
        )
