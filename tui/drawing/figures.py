"""What belongs beside a plain test accuracy: other ways of measuring it, and which test images it is measured on."""

from __future__ import annotations

import math

from engine.contract.recipe.schema import Promise, Recipe
from engine.contract.run.events import Epoch
from engine.contract.text import one_line
from tui.drawing.format import mean_over_runs, percent


def unreadable_note(count: int) -> str:
    """How much of a run's files was skipped as damaged: `3 lines or values in its files could not be read`."""
    return f"{count} {'lines or values' if count > 1 else 'line or value'} in its files could not be read"


def extra_accuracies(epoch: Epoch | None) -> list[str]:
    """Other accuracies on the same images, to stand beside the plain one: `flip TTA 95.10`, `top-5 99.12`.

    If the plain accuracy is that of averaged weights, the raw weights come first: `raw weights 94.80`.
    """
    if epoch is None:
        return []
    figures = (
        ("raw weights", epoch.raw_test_accuracy),
        (f"{epoch.tta} TTA", epoch.tta_accuracy),
        ("top-5", epoch.test_top5),
    )
    return [f"{name} {percent(accuracy)}" for name, accuracy in figures if math.isfinite(accuracy)]


def subset_of_test(recipe: Recipe | None) -> str:
    """The part of the test set that the accuracy is measured on: `first 50 % of test`; "" for all of it."""
    part = recipe.data.test_slice if recipe else "all"
    return "" if part == "all" else f"first {100 * float(part.removeprefix('first:')):g} % of test"


def matches_preset(preset: str, changes: str) -> bool:
    """Whether a recipe is exactly its preset's, so that the accuracy the preset promises applies to it.

    False for a recipe taken from a run, because that run may itself have changed its preset.

    Args:
        preset: as the user gave it: a name, a file, or `run:RUN`.
        changes: what was changed, in words; "" and "-" mean nothing.
    """
    return changes in ("", "-") and not preset.startswith("run:")


def expected(promise: Promise, unchanged: bool = True) -> str:
    """The accuracy that a preset promises, with its source."""
    figure = percent(promise.accuracy)
    star = "*" if promise.selection == "best_on_test" else ""
    if promise.runs == 0:
        words = f"target {figure}{star}, not measured yet"
    elif promise.source == "measured":
        mean = mean_over_runs(promise.accuracy, promise.spread, promise.runs, star)
        words = f"expect {mean} (n={promise.runs}, measured)"
    else:
        words = f"reported {figure}{star} by {one_line(promise.source)}"
    if promise.tta_accuracy:
        averaged = mean_over_runs(promise.tta_accuracy, promise.tta_spread, promise.runs, star)
        words += f"; {averaged} with test-time augmentation ({promise.tta})"
    return words if unchanged else f"preset's own figure: {words}"
