"""The lower left pane of Results: the recipes that were run with several seeds, with their mean and spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.analysis.chosen import RecipeRuns, by_recipe
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.format import NONE, counted, percent
from tui.drawing.lines import Line, clip, fit, heading, hints
from tui.drawing.marks import NO_SLOT, mark_of, role_of

NOTE: Final = "bar: from the lowest to the highest seed; n = 2 says almost nothing about the spread"
_LEAST: Final = 2
"""Seeds from which a recipe is listed."""


def recipe_rows(runs: Iterable[Summary]) -> list[RecipeRuns]:
    """The recipes with at least two seeds, the highest mean first."""
    found = [group for group in by_recipe(runs) if len(group.runs) >= _LEAST]
    return sorted(found, key=lambda group: sum(_accuracies(group.runs)) / len(group.runs), reverse=True)


def _accuracies(runs: Iterable[Summary]) -> list[float]:
    return [run.last_accuracy for run in runs if run.last_accuracy is not None]


def recipe_table(rows: Sequence[RecipeRuns], slots: Mapping[str, int | None], width: int, height: int) -> list[Line]:
    """A heading, the column heads, a line for each recipe, and what the bars mean.

    Args:
        slots: of the marked runs by id; a marked seed is drawn with its mark.
    """
    shown = rows[: max(height - 3, 0)]
    remarks = "; ".join(one_line(f"{row.name} {row.changes}: {row.left_out}") for row in shown if row.left_out)
    shown = shown[: len(shown) - (bool(remarks) and len(shown) == height - 3)]
    more = f"{len(shown)} of {len(rows)}" if len(shown) < len(rows) else counted(len(rows), "recipe")
    lines = [heading("by recipe", width, [[*hints([("o", "group the list")]), ("   " + more, "dim")], more])]
    if not rows:
        return [*lines, [(" no recipe has two finished seeds yet: a mean needs at least two", "dim")]]
    if not shown:
        return lines[:height]
    low, high = _range(shown)
    cells = max(width - 68, 0)
    head = f"      {'recipe':<18}{'changes':<20}{'n':>4}{'mean':>9}{'sd':>7}"
    ends = f"  {percent(low, 1)}{percent(high, 1):>{max(cells - 4, 0)}}" if cells > 12 else ""
    lines.append(clip([(head + ends, "dim")], width))
    for row in shown:
        last, changes = row.last, one_line(row.changes) or NONE
        line: Line = [
            (f"      {fit(one_line(row.name), 17)} ", ""),
            (f"{fit(changes, 19)} ", "dim" if changes == NONE else ""),
            (f"{last.n:>4}", ""),
            (f"{percent(last.mean):>9}", "strong"),
            (f"{_short(last.sd):>7}  ", "dim"),
        ]
        line += _seeds(row, slots, low, high, cells) if cells > 12 else []
        lines.append(clip(line, width))
    lines += [clip([(f" {remarks}", "warn")], width)] if remarks else []
    return [*lines, clip([(f" {NOTE}", "dim")], width)][:height]


def _range(rows: Sequence[RecipeRuns]) -> tuple[float, float]:
    """The lowest and the highest accuracy of any seed, at least .2 points apart."""
    values = [value for row in rows for value in _accuracies(row.runs)]
    low, high = min(values), max(values)
    return (low, high) if high - low >= 0.002 else ((low + high) / 2 - 0.001, (low + high) / 2 + 0.001)


def _seeds(row: RecipeRuns, slots: Mapping[str, int | None], low: float, high: float, cells: int) -> Line:
    """The seeds of a recipe on one scale for all recipes."""

    def column(value: float) -> int:
        return min(max(round((value - low) / (high - low) * (cells - 1)), 0), cells - 1)

    at = {run.id: column(run.last_accuracy or 0.0) for run in row.runs}
    first, last = min(at.values()), max(at.values())
    line: Line = [("┈" * first, "grid"), ("━" * (last - first + 1), "baseline"), ("┈" * (cells - last - 1), "grid")]
    letters = [(letter, role) for text, role in line for letter in text]
    for run in row.runs:
        slot = slots.get(run.id)
        letters[at[run.id]] = (mark_of(slot)[0], role_of(slot)) if run.id in slots else (NO_SLOT, "strong")
    return letters


def _short(sd: float) -> str:
    """A standard deviation in points without its leading zero: ".07"."""
    return NONE if math.isnan(sd) else f"{100 * sd:.2f}".removeprefix("0")
