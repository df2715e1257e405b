"""Results on further test sets, those that a user brings, as sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from engine.analysis.further import averaged, by_severity, extra, interval, mean_of
from engine.contract.run.predicted import SEVERITIES, Predicted
from tui.drawing.format import NONE, counted, percent
from tui.drawing.typeset import Column, Table

CORRUPTION_NOTE: Final = (
    "The mean error is the plain mean over corruptions and severities. It is not the mCE of ImageNet-C, which is "
    "relative to the errors of AlexNet."
)


def images(one: Predicted) -> str:
    """What the accuracy was measured on: "2,000 images", or of a corruption set "15 corruptions of 10,000 images"."""
    if one.corrupted:
        rows = averaged(one)
        return f"{counted(len(rows), 'corruption')} of {_images(one.originals)}"
    return _images(one.images)


def _images(number: int) -> str:
    return f"{number:,} image{'s' * (number != 1)}"


def accuracy(one: Predicted) -> str:
    """ "86.40 ±1.50 %"; "no labels" without labels."""
    if not one.labeled:
        return "no labels"
    found = interval(one)
    half = f" ±{100 * found.half:.2f}" if found else ""
    return f"{percent(one.accuracy)}{half} %"


def sentence(one: Predicted) -> str:
    """One line about a result."""
    parts = [
        f"{one.name}: {accuracy(one)}",
        f"{images(one)}",
        f"{one.which} {one.weights} weights of epoch {one.epoch}",
    ]
    if one.corrupted:
        parts[1] += f" at {SEVERITIES} severities, mean error {percent(1 - one.accuracy)} %"
        if others := extra(one):
            parts.insert(2, f"{percent(mean_of(others))} % on {counted(len(others), 'extra corruption')}")
    if one.tta != "off" and math.isfinite(one.tta_accuracy):
        parts.append(f"{percent(one.tta_accuracy)} % with {one.tta} views")
    return ", ".join(parts)


def sets_table(found: Sequence[Predicted]) -> Table:
    """One row for each further test set of a run."""
    columns = (
        Column("test set"),
        *(Column(head, right=True) for head in ("accuracy", "95 % CI")),
        Column("images"),
        Column("weights"),
    )
    rows = []
    for one in found:
        half = interval(one)
        figures = (percent(one.accuracy) if one.labeled else NONE, f"±{100 * half.half:.2f}" if half else NONE)
        rows.append((one.name, *figures, images(one), f"{one.which}, {one.weights}"))
    return Table("Further test sets, %", columns, tuple(rows))


def corruption_table(one: Predicted) -> Table:
    """Accuracy in percent by corruption and severity; the mean of the standard ones, then the others apart."""
    columns = (
        Column("corruption"),
        *(Column(str(at + 1), right=True) for at in range(SEVERITIES)),
        Column("mean", right=True),
    )
    rows = [_row(row["name"], row["accuracy"]) for row in averaged(one)]
    if len(averaged(one)) > 1:
        rows.append(_row(f"mean of {len(averaged(one))}", by_severity(averaged(one))))
    rows += [_row(f"{row['name']} (extra)", row["accuracy"]) for row in extra(one)]
    return Table(f"{one.name}, test % by corruption and severity", columns, tuple(rows))


def _row(name: str, values: Sequence[float]) -> tuple[str, ...]:
    return name, *(percent(value, 1) for value in values), percent(fmean(values), 1)
