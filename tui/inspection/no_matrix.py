"""What Confusion shows of a run without a confusion matrix: its classes by accuracy, or why these are not known."""

from __future__ import annotations

import math
from typing import Final

from engine.analysis.pairing import Unpaired
from engine.contract.text import one_line
from tui.dashboard.classes import class_rows
from tui.drawing.lines import Line, heading, wrap
from tui.drawing.per_class import ClassRow, per_class
from tui.inspection.facts import Facts

NO_MATRIX: Final = "the confusion matrix is recorded for up to 20 classes only"


def classes_by_accuracy(facts: Facts) -> list[ClassRow]:
    """The accuracy by class, the worst first; [] where it is not known."""
    found = [ClassRow(one.name, one.recall) for one in facts.overview.classes] if facts.on else class_rows(facts.view)
    return sorted(found, key=_known_first)


def why_no_classes(facts: Facts) -> str:
    """Why there is no accuracy by class either."""
    if facts.on and isinstance(facts.judged, Unpaired):
        return facts.judged.reason
    return facts.view.no_test if facts.view.tested_once else "no test by class yet"


def without_matrix(facts: Facts, width: int, height: int) -> list[Line]:
    """Why there is no matrix, and the accuracy by class where that is known, the worst first."""
    view, rows = facts.view, classes_by_accuracy(facts)
    lines = [heading(f"confusion of {one_line(view.name)} {view.short_id}", width), []]
    if not rows:
        return [*lines, *([(f" {part}", "dim")] for part in wrap(why_no_classes(facts), width - 2))]
    lines.append([(f" {NO_MATRIX}", "dim")])
    return [*lines, [], *per_class(rows, "", width, len(rows) + 2)]


def _known_first(row: ClassRow) -> float:
    return math.inf if math.isnan(row.accuracy) else row.accuracy
