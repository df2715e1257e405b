"""What belongs beside a plain test accuracy: other ways of counting it, and which part of the test images it is of."""

from __future__ import annotations

import math

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Recipe
from engine.contract.run.events import Epoch
from engine.contract.run.store import RunFolder
from tui.drawing.format import percent


def unusable(count: int) -> str:
    """What the files of a run hold beside what could be read: `3 lines or values in its files could not be read`."""
    return f"{count} {'lines or values' if count > 1 else 'line or value'} in its files could not be read"


def beside(epoch: Epoch | None) -> list[str]:
    """Figures of the same images by other counts, never in place of the plain one: `flip TTA 95.10`, `top-5 99.12`.

    Where the plain one is of averaged weights, those in training come first: `raw weights 94.80`.
    """
    if epoch is None:
        return []
    figures = (
        ("raw weights", epoch.raw_test_accuracy),
        (f"{epoch.tta} TTA", epoch.tta_accuracy),
        ("top-5", epoch.test_top5),
    )
    return [f"{name} {percent(accuracy)}" for name, accuracy in figures if math.isfinite(accuracy)]


def part_of_test(recipe: Recipe | None) -> str:
    """Which images the accuracy is of, where it is not all: `first 50 % of test`; else ""."""
    part = recipe.data.test_slice if recipe else "all"
    return "" if part == "all" else f"first {100 * float(part.removeprefix('first:')):g} % of test"


def is_the_presets_own(preset: str, changes: str) -> bool:
    """Whether a recipe is just what its preset says, so that what the preset promises is promised of it.

    Of a recipe that was taken from a run that is not known: the run may have changed it.

    Args:
        preset: as it was given: a name, a file, or `run:RUN`.
        changes: what was changed, in words; "" and "-" for nothing.
    """
    return changes in ("", "-") and not preset.startswith("run:")


def about(run: RunFolder) -> list[str]:
    """All of it for a run on disk; a recipe that cannot be read says nothing."""
    found = [f"with {figure} %" for figure in beside(History.tail(run.events).course.last)]
    try:
        part = part_of_test(run.look()[0])
    except BadInput:
        part = ""
    return [*found, f"on the {part}"] if part else found
