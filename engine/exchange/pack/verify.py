"""Check every hash of a run folder, and everything else in it that can be checked without training again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.contract.errors import BadInput
from engine.contract.run import predictions
from engine.contract.run.checkpoints import HALF, META, UNREADABLE, committed, is_ours, read_meta
from engine.contract.run.course import Course
from engine.contract.run.event_file import EventReader
from engine.contract.run.events import Epoch, Event, Resumed
from engine.contract.run.fold import RunFold
from engine.contract.run.folder import RunFolder
from engine.contract.run.initial import initial_of
from engine.contract.run.records import ExitRecord
from engine.contract.run.teacher import teacher_of
from engine.exchange.pack.checks import TOLERANCE, Check, hash_of
from engine.exchange.pack.contents import is_imported
from engine.exchange.pack.verify_sets import further_sets


def verify(run: RunFolder) -> list[Check]:
    """Check a run: its recipe's id, its parts, checkpoints, predictions, events and records.

    Nothing is executed and nothing is written. What the run does not have is not listed; what cannot be checked is
    listed as "not checked", with the reason.
    """
    found: list[Check] = []
    for check in (
        _identity,
        _recipe,
        _parts,
        _checkpoints,
        _events,
        _predictions,
        further_sets,
        _records,
        _teacher,
        _initial,
    ):
        found += check(run)
    return found


def _identity(run: RunFolder) -> Iterator[Check]:
    try:
        info = run.info()
    except BadInput as error:
        yield Check("run.json", "bad", str(error))
        return
    copied = f"a copy of run {info.id}" if info.id != run.id else ""
    yield Check("run.json", "ok", copied)


def _recipe(run: RunFolder) -> Iterator[Check]:
    """The recipe's id, computed anew."""
    if is_imported(run):
        yield Check("recipe id", "not checked", "another program has trained the run; its recipe is unknown")
        return
    try:
        run.recipe_table()
        recorded = run.info().recipe_id
    except BadInput as error:
        yield Check("recipe.toml", "bad", str(error))
        return
    try:
        computed = run.recipe().recipe_id
    except BadInput as error:
        yield Check("recipe id", "not checked", f"this version cannot read the recipe: {error.problems[0]}")
        return
    if computed == recorded:
        yield Check("recipe id", "ok", computed[:12])
    else:
        yield Check("recipe id", "bad", f"recipe.toml gives {computed[:12]}, run.json says {recorded[:12]}")


def _parts(run: RunFolder) -> Iterator[Check]:
    """The user's own parts against the hashes in run.json. Nothing of them is executed."""
    try:
        recorded = run.info().parts
    except BadInput:
        return
    there = {path.name for path in run.parts.glob("*.py")}
    for name in sorted(recorded.keys() | there):
        what = f"parts/{name}"
        if name not in recorded:
            yield Check(what, "bad", "not among the parts that the run was created with")
        else:
            yield hash_of(what, run.parts / name, recorded[name])


def _checkpoints(run: RunFolder) -> Iterator[Check]:
    """Each checkpoint's meta.json against its own hash, and each file that it lists against the hash in it."""
    for folder in committed(run.checkpoints):
        what = f"checkpoints/{folder.name}"
        try:
            meta = read_meta(folder)
            files = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in meta["files"].items()}
        except UNREADABLE as error:
            yield Check(f"{what}/{META}", "bad", str(error))
            continue
        yield Check(f"{what}/{META}", "ok")
        for name, (size, recorded) in files.items():
            yield hash_of(f"{what}/{name}", folder / name, recorded, size)
    for half in sorted(path.name for path in run.checkpoints.glob(f"{HALF}*") if is_ours(path.name)):
        yield Check(f"checkpoints/{half}", "not checked", "it was not written to its end, and nothing reads it")


def _events(run: RunFolder) -> Iterator[Check]:
    """Every line of the events: that it can be read, and that epochs follow one another."""
    if not run.events.exists():
        yield Check("events.jsonl", "not checked", "the run has written none")
        return
    reader = EventReader(run.events)
    events = reader.poll()
    note = f"{len(events)} events; the file has no hash of its own"
    if reader.garbage:
        yield Check("events.jsonl", "bad", f"{reader.garbage} lines or values cannot be read")
    elif problem := _out_of_order(events, every=not is_imported(run)):
        yield Check("events.jsonl", "bad", problem)
    else:
        yield Check("events.jsonl", "ok", note)


def _out_of_order(events: Sequence[Event], *, every: bool) -> str:
    """Where an epoch does not follow the one before; "" if all do.

    Args:
        every: whether no epoch may be left out; other programs need not evaluate after each.
    """
    last: float = 0 if every else -math.inf
    for event in events:
        if isinstance(event, Resumed):
            last = event.epoch
        elif isinstance(event, Epoch):
            if event.epoch != last + 1 if every else event.epoch <= last:
                return f"epoch {event.epoch} follows epoch {last:g}"
            last = event.epoch
    return ""


def _predictions(run: RunFolder) -> Iterator[Check]:
    """That the arrays can be read, belong together, and give the accuracy that the events say."""
    if not run.predictions.exists():
        return
    what = run.predictions.name
    try:
        found = predictions.read(run.predictions)
        problem = _shape_problem(found)
    except (OSError, ValueError, KeyError) as error:
        yield Check(what, "bad", str(error))
        return
    if problem:
        yield Check(what, "bad", problem)
        return
    course = RunFold(run.events).poll().course
    recorded = _recorded_accuracy(course, found.last_epoch)
    hits = int((found.last.argmax(axis=1) == found.labels).sum())
    images = len(found.labels)
    if math.isnan(recorded):
        yield Check(what, "not checked", f"{hits} of {images} correct; the events hold no accuracy of that epoch")
    elif abs(recorded * images - hits) > TOLERANCE:
        yield Check(what, "bad", f"{hits} of {images} correct, {recorded * images:.0f} by the events")
    else:
        yield Check(what, "ok", f"{hits} of {images} correct, as the events say")


def _shape_problem(found: predictions.StoredPredictions) -> str:
    images, classes = len(found.labels), len(found.classes)
    wanted = {"last": (images, classes), "holdout": (len(found.holdout_labels), classes)}
    for name, shape in wanted.items():
        array: np.ndarray[Any, Any] = getattr(found, name)
        if array.shape != shape and (shape[0] or array.size):
            return f"`{name}` has the shape {array.shape}, not {shape}"
    if images and (found.labels.min() < 0 or found.labels.max() >= classes):
        return f"a label is not one of the {classes} classes"
    return ""


def _recorded_accuracy(course: Course, epoch: int) -> float:
    """The test accuracy of an epoch by the events; NaN if they hold none."""
    return next((event.test_accuracy for event in course.epochs if event.epoch == epoch), math.nan)


def _records(run: RunFolder) -> Iterator[Check]:
    """The records of how attempts ended, and the labels."""
    for path in (run.exit, *sorted(run.exits.glob("*.json"))):
        if path.exists():
            readable = ExitRecord.read(path) is not None
            what = path.relative_to(run.path).as_posix()
            yield Check(what, "ok" if readable else "bad", "" if readable else "damaged")
    if run.labels_jsonl.exists():
        garbage = run.labels().garbage
        note = f"{garbage} lines are damaged" if garbage else ""
        yield Check(run.labels_jsonl.name, "bad" if garbage else "ok", note)


def _teacher(run: RunFolder) -> Iterator[Check]:
    """The weights that a distilled run learned from."""
    try:
        if not run.info().teacher.get("id"):
            return
        teacher_of(run)
    except BadInput as error:
        yield Check("teacher", "not checked", error.problems[0])
    else:
        yield Check("teacher", "ok", "its weights are those that the run was created with")


def _initial(run: RunFolder) -> Iterator[Check]:
    """The weights that the run started from; only a run without a checkpoint still needs them."""
    try:
        if not run.info().initial.get("source"):
            return
        initial_of(run)
    except BadInput as error:
        yield Check("initial weights", "not checked", error.problems[0])
    else:
        yield Check("initial weights", "ok", "they are those that the run was created with")
