"""The table of Compare: a row for each marked run, with the columns that fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.between_models import Models
from engine.analysis.compare import Comparison
from engine.analysis.marked import MarkedRun
from engine.contract.text import one_line
from tui.drawing.format import NONE, delta, percent, picked, whole
from tui.drawing.lines import Line, clip, fit
from tui.drawing.run_columns import seed_text

_LEAD: Final = 5  # cells for the cursor, the baseline's b, and the mark
_RECIPE, _CHANGES = 15, 15  # the fewest cells that say something
_MOST: Final = 44  # more cells than this show no more of either
_DROPPED: Final = ("kWh", "s/epoch", "90 %", "94 %", "96 %", "95 %", "seed", "best", "± 95 %")
"""The columns that go where there is no room, in this order."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of figures, aligned at the right."""

    head: str
    width: int
    """With the blanks before it."""
    text: Callable[[MarkedRun], str]
    role: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns in the width they were fitted to."""

    recipe: int
    changes: int
    figures: tuple[_Column, ...]
    baseline: str
    """Id of the baseline."""
    decided: frozenset[str]
    """Ids of the runs whose difference to the baseline the paired test has decided."""


def columns(marked: Sequence[MarkedRun], baseline: str, width: int, models: Models | None = None) -> Columns:
    """The columns that fit `width` cells; what no run has gets none.

    Args:
        models: the verdicts on the runs, once they are known.
    """
    found = list(_figures(marked, baseline))
    need = _LEAD + 6 + _RECIPE + 1 + _CHANGES
    for head in _DROPPED:
        if need + sum(one.width for one in found) <= width:
            break
        found = [one for one in found if one.head != head]
    room = max(width - need - sum(one.width for one in found), 0)
    recipe = min(max((len(one.row.standing.name) for one in marked), default=0), _MOST)
    recipe = min(max(recipe + 1, _RECIPE), _RECIPE + room)
    changes = min(_CHANGES + room - (recipe - _RECIPE), _MOST)
    rows = models.rows if models else ()
    decided = frozenset(row.run for row in rows if row.pair and row.outcome in ("better", "worse"))
    return Columns(recipe, changes, tuple(found), baseline, decided)


def _figures(marked: Sequence[MarkedRun], baseline: str) -> list[_Column]:
    reached = [at for at, _ in enumerate(marked[0].milestones) if any(one.milestones[at].epoch for one in marked)]
    at_width = max((len(_at(one.row, marked)) for one in marked), default=0)

    def against(one: MarkedRun) -> str:
        if one.run.id == baseline:
            return "base" + " " * at_width
        return f"{delta(one.row.against, 2)}{_at(one.row, marked):{at_width}}"

    def epochs_to(at: int) -> Callable[[MarkedRun], str]:
        return lambda one: str(one.milestones[at].epoch or NONE)

    found = [
        _Column("seed", 5, lambda one: seed_text(one.run), "dim"),
        _Column("last", 7, lambda one: percent(one.row.last), "strong"),
        _Column("± 95 %", 7, lambda one: f"±{percent(one.row.interval.half)}" if one.row.interval else "", "dim"),
        _Column("best", 8, lambda one: picked(one.row.best, one.row.standing.best_on), "dim"),
        _Column("Δ base", 9 + at_width, against, "difference"),
        *(_Column(f"{100 * marked[0].milestones[at].target:g} %", 6, epochs_to(at)) for at in reached),
    ]
    if any(one.run.epoch_seconds for one in marked):
        found.append(_Column("s/epoch", 9, _epoch_seconds))
    if any(math.isfinite(one.energy) for one in marked):
        found.append(_Column("kWh", 7, lambda one: kilowatt_hours(one.energy)))
    return found


def _epoch_seconds(one: MarkedRun) -> str:
    seconds = one.run.epoch_seconds
    return NONE if not seconds else f"{seconds:.3g}" if seconds < 100 else whole(seconds)


def kilowatt_hours(energy: float) -> str:
    """0.572 -> ".57"."""
    return NONE if math.isnan(energy) else f"{energy:.2f}".removeprefix("0")


def _at(row: Comparison, marked: Sequence[MarkedRun]) -> str:
    """Where a difference was taken, if not at the last epochs of two runs that are equally long: " @ 30"."""
    usual = {one.row.last_epoch for one in marked} == {row.last_epoch}
    return f" {row.at}" if row.at and not usual else ""


def header(shown: Columns, width: int) -> Line:
    """The heads of the columns."""
    names = f"{'':{_LEAD}}id    {fit('recipe', shown.recipe)} {fit('changes', shown.changes)}"
    return clip([(names + "".join(fit(one.head, one.width, "right") for one in shown.figures), "dim")], width)


def draw_row(one: MarkedRun, shown: Columns, mark: tuple[str, str], *, at_cursor: bool) -> Line:
    """The row of a run.

    Args:
        mark: its mark and role.
    """
    is_base = one.run.id == shown.baseline
    changes = NONE if is_base else one_line(one.changes)
    line: Line = [
        ("▸" if at_cursor else " ", "mark"),
        ("b " if is_base else "  ", "mark"),
        (f"{mark[0][0]} ", mark[1]),
        (f"{one.run.id[-4:]}  ", mark[1]),
        (f"{fit(one_line(one.row.standing.name), shown.recipe)} ", "strong" if at_cursor else ""),
        (fit(changes, shown.changes), "dim" if changes == NONE else ""),
    ]
    for column in shown.figures:
        is_difference = column.role == "difference"
        role = _difference_role(one.row, one.run.id in shown.decided) if is_difference else column.role
        line.append((fit(column.text(one), column.width, "right"), role))
    return line


def _difference_role(row: Comparison, is_decided: bool) -> str:
    """The color of a difference: none while its verdict is open, and quiet for one that is rounded to nothing."""
    if delta(row.against, 2) in (NONE, "+0.00"):
        return "dim"
    return "" if not is_decided else "ok" if row.against > 0 else "warn"


def notes(rows: Sequence[Comparison]) -> list[str]:
    """What the signs in the rows mean, for the signs that occur."""
    texts = []
    if any(row.standing.best_on == "test" and not math.isnan(row.best) for row in rows):
        texts.append("* best epoch picked on test; compare only with figures picked the same way")
    if any(row.at == "@ end" for row in rows):
        texts.append("@ end: both runs have finished, after different numbers of epochs")
    if len({row.standing.data for row in rows} - {""}) > 1 or len({row.standing.test_images for row in rows} - {0}) > 1:
        texts.append("runs tested on other images than the baseline show no difference to it")
    texts += [
        f"{row.standing.id[-4:]} is left out of means and verdicts: {one_line(row.standing.excluded)}"
        for row in rows
        if row.standing.excluded
    ]
    return texts
