"""What the commands add to the accuracy of a run on disk."""

from __future__ import annotations

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder
from tui.drawing.figures import extra_accuracies, subset_of_test


def accuracy_details(run: RunFolder) -> list[str]:
    """Its other accuracies and the test images they are measured on; a recipe that cannot be read adds nothing."""
    found = [f"with {figure} %" for figure in extra_accuracies(History.tail(run.events).course.last)]
    try:
        part = subset_of_test(run.inspect()[0])
    except BadInput:
        part = ""
    return [*found, f"on the {part}"] if part else found
