"""What belongs beside a plain test accuracy: other ways of counting it, and which part of the test images it is of."""

from __future__ import annotations

import math

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.events import Epoch
from engine.contract.recipe import Recipe
from engine.contract.store import RunFolder
from tui.format import percent


def beside(epoch: Epoch | None) -> list[str]:
    """Figures of the same images by other counts, never in place of the plain one: `flip TTA 95.10`, `top-5 99.12`."""
    if epoch is None:
        return []
    tta = [] if math.isnan(epoch.tta_accuracy) else [f"{epoch.tta} TTA {percent(epoch.tta_accuracy)}"]
    return tta + ([] if math.isnan(epoch.test_top5) else [f"top-5 {percent(epoch.test_top5)}"])


def part_of_test(recipe: Recipe | None) -> str:
    """Which images the accuracy is of, where it is not all: `first 50 % of test`; else ""."""
    part = recipe.data.test_slice if recipe else "all"
    return "" if part == "all" else f"first {100 * float(part.removeprefix('first:')):g} % of test"


def last_tested(history: History) -> Epoch | None:
    """The last epoch with a test accuracy."""
    return next((epoch for epoch in reversed(history.epochs) if math.isfinite(epoch.test_accuracy)), None)


def about(run: RunFolder) -> list[str]:
    """All of it for a run on disk; a recipe that cannot be read says nothing."""
    found = [f"with {figure} %" for figure in beside(last_tested(History.tail(run.events)))]
    try:
        part = part_of_test(run.recipe())
    except BadInput:
        part = ""
    return [*found, f"on the {part}"] if part else found
