"""Write an imported run: a run folder like any other, without a recipe, checkpoints or predictions.

`run.json` says under `imported` where the run comes from:

    layout       "lightning", "timm", "keras", "torch", "tensorboard", "wandb", "csv" or "cifar-tui"
    folder       the folder that was imported
    sha256       what it is recognized by, see `Plan.sha256`
    files        name, SHA-256 and size of each file
    series       what each tag has become; "other" for those in scalars.npz
    percent      the tags whose values were in percent
    axis         how steps have become epochs
    settings     the hyperparameters in the files
    recipe_name  the name that groups it with others, if the user has given one

Its events are those that a trainer would have written, so every reader shows it without knowing where it comes from.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from engine.contract.files import read_json, write_atomic
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Event, Finished, RunStarted
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.labels import LONGEST_NAME, check_name
from engine.contract.run.provenance import versions
from engine.contract.run.roots import run_paths
from engine.contract.text import one_line
from engine.contract.values import LARGEST, MOST_EPOCHS, encode_table
from engine.exchange.imports import made
from engine.exchange.imports.plan import ImportPlan
from engine.exchange.imports.scalars import write_scalars
from engine.exchange.tensorboard.tags import FACTS

PREFIX: Final = "imported:"
"""Start of the recipe id of an imported run: its own, or that of the runs that the user has grouped by a name."""
_COUNTS: Final = ("steps_per_epoch", "batch_size", "params", "train_images", "test_images", "holdout_images")


def existing(plan: ImportPlan, root: Path) -> str:
    """The id of the run that was made from the same files; "" if there is none."""
    return made.run_of(plan.sha256, root)


def write(plan: ImportPlan, root: Path) -> RunFolder:
    """Make the run folder. It appears complete or not at all.

    Raises:
        BadInput: the folder cannot be written, or a run has its id already.
    """

    def fill(run: RunFolder, run_id: str) -> None:
        _fill(run, plan, run_id, _seed(plan, root))

    return made.make(root, plan.begun, plan.sha256, plan.found.name, fill)


def _seed(plan: ImportPlan, root: Path) -> int:
    """The seed in the files; for an unknown one, a number that no other run of the group has."""
    for name in (f"{FACTS}seed", "seed", "manual_seed", "random_seed"):
        given = str(plan.settings.get(name, "")).removesuffix(".0")
        if given.isdecimal() and int(given) <= LARGEST:
            return int(given)
    group = _recipe_id(plan)
    infos = (read_json(Path(path) / "run.json") or {} for path in (run_paths(root) if plan.options.recipe_name else ()))
    taken = {info.get("seed") for info in infos if info.get("recipe_id") == group}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _recipe_id(plan: ImportPlan) -> str:
    """What stands for the id of the recipe: one of its own, so that no recipe has the run, or that of its group."""
    return PREFIX + (plan.options.recipe_name or plan.sha256[:16])


def _fill(run: RunFolder, plan: ImportPlan, run_id: str, seed: int) -> None:
    with EventWriter(run.events) as events:
        for event in events_of(plan):
            events.write(event)
    if plan.others:
        write_scalars(run.path, plan.others, plan.axis)
    run.add_label(name=_name(plan))
    write_atomic(run.run_json, encode_table(_info(plan, run_id, seed)))


def events_of(plan: ImportPlan) -> list[Event]:
    """The events of the run, in the order of its course."""
    epochs, steps = plan.course.epochs, plan.course.steps
    last = epochs[-1].epoch if epochs else 0
    facts: dict[str, Any] = {name: _fact(plan, name) for name in _COUNTS}
    facts["steps_per_epoch"] = facts["steps_per_epoch"] or plan.course.steps_per_epoch
    mixed = plan.settings.get(f"{FACTS}train_mixed") is True
    weights = str(plan.settings.get(f"{FACTS}weights", "raw"))
    started = RunStarted(
        epochs=last, classes=plan.course.classes, best_on=_best_on(plan), t=plan.begun,
        device_name=str(plan.settings.get(f"{FACTS}device_name", "")), **facts,
    )  # fmt: skip
    rows: list[Event] = [started]
    number = 0
    for epoch in epochs:
        while number < len(steps) and steps[number].epoch <= epoch.epoch:
            rows.append(steps[number])
            number += 1
        rows.append(replace(epoch, train_mixed=mixed, weights=weights))
    rows += steps[number:]
    ended = max((event.t for event in rows), default=plan.begun)
    tested = [epoch for epoch in epochs if math.isfinite(epoch.test_accuracy)]
    accuracy = tested[-1].test_accuracy if tested else math.nan
    best_on = started.best_on
    return [*rows, Finished(epochs=last, last_accuracy=accuracy, best_on=best_on, weights=weights, t=ended)]


def _best_on(plan: ImportPlan) -> str:
    """On what the best epoch is picked: on validation where there is any. Without a test no epoch is the best one."""
    given = plan.settings.get(f"{FACTS}best_on")
    if isinstance(given, str) or f"{FACTS}id" in plan.settings:
        return given if given in ("test", "holdout") else ""
    return "holdout" if any(math.isfinite(epoch.holdout_accuracy) for epoch in plan.course.epochs) else "test"


def _fact(plan: ImportPlan, name: str) -> int:
    """A count among the hyperparameters that our own event files hold; 0 if it is not there."""
    value = plan.settings.get(FACTS + name)
    return int(value) if isinstance(value, int | float) and 0 <= value <= LARGEST else 0


def _info(plan: ImportPlan, run_id: str, seed: int) -> RunInfo:
    group = plan.options.recipe_name
    model = plan.settings.get(f"{FACTS}model") or plan.settings.get("model") or plan.settings.get("model.name")
    return RunInfo(
        id=run_id,
        created=plan.begun,
        seed=seed,
        recipe_id=_recipe_id(plan),
        model=one_line(str(model), 60) if model else "unknown",
        data=str(plan.settings.get(f"{FACTS}data", "")),
        epochs=min(plan.course.epochs[-1].epoch, MOST_EPOCHS) if plan.course.epochs else 0,
        preset=group or _name(plan),
        versions=versions(),
        imported={
            "layout": plan.found.layout,
            "folder": str(plan.found.folder),
            "sha256": plan.sha256,
            "files": [asdict(file) for file in plan.files],
            "series": {scalar.tag: scalar.meaning.series for scalar in plan.scalars},
            "percent": [scalar.tag for scalar in plan.scalars if scalar.meaning.percent],
            "axis": plan.axis.words,
            "settings": _plain(plan.settings),
            "recipe_name": group,
        },
    )


def _plain(settings: Any) -> dict[str, Any]:
    """Settings that fit into run.json: short texts, and at most a few hundred of them."""
    most = list(settings.items())[:500]
    return {one_line(key, 200): one_line(value, 500) if isinstance(value, str) else value for key, value in most}


def _name(plan: ImportPlan) -> str:
    """The name of the run: that of its folder."""
    text = one_line(plan.found.name, LONGEST_NAME).lstrip("@") or "imported"
    return check_name(text)
