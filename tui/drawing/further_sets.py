"""Results on further test sets, those that a user brings, as sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

from engine.analysis.between_sets import OnSet, SetVerdict
from engine.analysis.further import averaged, by_severity, extra, interval, mean_of
from engine.contract.run.predicted import SEVERITIES, Predicted
from tui.drawing.format import NONE, counted, delta, percent
from tui.drawing.typeset import Column, Table
from tui.drawing.verdict_tables import CORRECTIONS
from tui.drawing.verdict_words import comparisons, p_text, range_text, short, word

CORRUPTION_NOTE: Final = (
    "The mean error is the plain mean over corruptions and severities. It is not the mCE of ImageNet-C, which is "
    "relative to the errors of AlexNet."
)
MEAN: Final = "mean of"
"""How the row of the mean begins."""


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
    """One row for each further test set of a run, with the mean error of corrupted ones."""
    heads = ("accuracy", "95 % CI")
    columns = [Column("test set"), *(Column(head, right=True) for head in heads), Column("images"), Column("weights")]
    corrupted = any(one.corrupted for one in found)
    columns += [Column("mean error", right=True)] if corrupted else []
    rows = []
    for one in found:
        half = interval(one)
        figures = (percent(one.accuracy) if one.labeled else NONE, f"±{100 * half.half:.2f}" if half else NONE)
        row = (one.name, *figures, images(one), f"{one.which}, {one.weights}")
        error = percent(1 - one.accuracy) if one.corrupted else NONE
        rows.append((*row, error) if corrupted else row)
    return Table("Further test sets, %", tuple(columns), tuple(rows), legend=(CORRUPTION_NOTE,) if corrupted else ())


def corruption_table(one: Predicted) -> Table:
    """Accuracy in percent by corruption and severity; the mean of the standard ones, then the others apart."""
    columns = (
        Column("corruption"),
        *(Column(str(at + 1), right=True) for at in range(SEVERITIES)),
        Column("mean", right=True),
    )
    rows = [_row(row["name"], row["accuracy"]) for row in averaged(one)]
    if len(averaged(one)) > 1:
        rows.append(_row(f"{MEAN} {len(averaged(one))}", by_severity(averaged(one))))
    rows += [_row(f"{row['name']} (extra)", row["accuracy"]) for row in extra(one)]
    return Table(f"{one.name}, test % by corruption and severity", columns, tuple(rows))


def _row(name: str, values: Sequence[float]) -> tuple[str, ...]:
    return name, *(percent(value, 1) for value in values), percent(fmean(values), 1)


def on_set_table(found: OnSet) -> Table:
    """The marked runs on one further test set, each against the baseline where that was tested on it, too."""
    heads = ("accuracy", "95 % CI", "Δ points", "95 % interval", "p", CORRECTIONS[found.rules.correction])
    columns = (Column("run"), *(Column(head, right=True) for head in heads), Column("verdict"))
    rows = [(short(row.run), *_figures(row, found)) for row in found.rows]
    return Table(on_set_title(found), columns, tuple(rows))


def on_set_title(found: OnSet) -> str:
    """The name of the set, its images, and what is compared."""
    return f"{found.name}, {images(found.rows[0].entry)} ({comparisons(found.size)})"


def _figures(row: SetVerdict, found: OnSet) -> tuple[str, ...]:
    half = interval(row.entry)
    own = percent(row.entry.accuracy), f"±{100 * half.half:.2f}" if half else NONE
    if row.run == found.baseline:
        return *own, "base", "", "", "", ""
    gap = delta(row.difference, 2) if math.isfinite(row.difference) else NONE
    return *own, gap, range_text(row.interval), p_text(row.p), p_text(row.adjusted), verdict_on_set(row, found)


def verdict_on_set(row: SetVerdict, found: OnSet) -> str:
    """What the difference shows, or why there is none."""
    return row.reason or word(row.outcome, found.rules, found.size, models=True)


def on_set_data(found: OnSet) -> dict[str, Any]:
    """The figures of a set as plain data, for JSON. NaN stands for unknown."""
    rows = [
        {
            "run": row.run,
            "accuracy": row.entry.accuracy,
            "difference": row.difference,
            "interval": [row.interval.low, row.interval.high] if row.interval else None,
            "p": row.p,
            "adjusted_p": row.adjusted,
            "outcome": row.outcome,
            "reason": row.reason,
            "verdict": verdict_on_set(row, found) if row.run != found.baseline else "",
        }
        for row in found.rows
    ]
    entry = found.rows[0].entry
    return {
        "name": found.name,
        "data": found.data,
        "images": entry.images,
        "originals": entry.originals,
        "comparisons": found.size,
        "rows": rows,
    }
