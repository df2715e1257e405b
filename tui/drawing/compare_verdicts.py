"""The verdict panes of Compare: intervals around zero, figures and one sentence, for models and for recipes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.analysis.between_models import Models, ModelVerdict
from engine.analysis.between_recipes import Recipes, RecipeVerdict
from engine.analysis.stats import Interval
from engine.contract.text import one_line
from tui.drawing.format import NONE, delta, percent, whole
from tui.drawing.interval_cells import Scale, interval_cells, scale_of
from tui.drawing.lines import Line, clip, fit, heading, wrap
from tui.drawing.verdict_tables import CORRECTIONS
from tui.drawing.verdict_words import model_sentence, p_text, range_text, recipe_sentence, word

Marks = Mapping[str, tuple[str, str]]
"""By run id: mark and role."""
_PARENTHESIS: Final = re.compile(r" \([^()]*\)")
_NAMED: Final = 100
"""Cells from which on the changes of a run stand beside its id."""
_LONG_NAMES: Final = 140
"""Cells from which on these changes have more room."""
_MOST_CELLS: Final = 44
_NARROW: Final = 78
_LEAST_NAME: Final = 4
_LEAST_CELLS, _GOOD_CELLS = 9, 20
"""The fewest cells that show an interval, below and from `_NARROW` cells in all."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of either pane."""

    mark: tuple[str, str]
    name: str
    detail: str
    interval: Interval | None
    value: float
    figures: tuple[str, ...]
    verdict: str
    chosen: bool = False


def role_of_verdict(outcome: str) -> str:
    """The color of a verdict; what is not shown has none."""
    return {"better": "ok", "worse": "warn"}.get(outcome, "")


# --- models ---------------------------------------------------------------------------------------------------


def models_heading(models: Models, width: int, switch: Line) -> Line:
    """What is compared with what, on how many images."""
    these = "these two models" if len(models.rows) == 1 else "these models"
    images = {row.pair.counts.images for row in models.rows if row.pair}
    paired = f"the same {whole(images.pop())} test images, paired" if len(images) == 1 else "paired where possible"
    title: Line = [(f"verdict on {these}", "strong"), (f", each against b {models.baseline[-4:]}", "strong")]
    return heading(title, width, [[(f"{paired}   ", "dim"), *switch], [("paired   ", "dim"), *switch], switch])


def models_lines(models: Models, changes: Mapping[str, str], marks: Marks, chosen: str, width: int) -> list[Line]:
    """The column heads, and a row for each run."""
    heads = ("Δ points", "95 % interval", "fixed", "new", "mid-p", CORRECTIONS[models.rules.correction])
    rows = [
        _Row(
            marks[row.run],
            row.run[-4:],
            one_line(changes[row.run]),
            row.interval,
            row.difference,
            _model_figures(row),
            row.reason if row.pair is None else word(row.outcome, models.rules, models.size, models=True),
            row.run == chosen,
        )
        for row in models.rows
    ]
    outcomes = [row.outcome if row.pair else "untested" for row in models.rows]
    return _lines(rows, outcomes, heads, (("fixed", "new"), ("mid-p",), heads[-1:]), "run", width)


def _model_figures(row: ModelVerdict) -> tuple[str, ...]:
    counts = row.pair.counts if row.pair else None
    paired = (str(counts.won), str(counts.lost)) if counts else (NONE, NONE)
    return delta(row.difference, 2), range_text(row.interval), *paired, p_text(row.p), p_text(row.adjusted)


def model_lines_of(models: Models, marks: Marks, chosen: str, width: int, height: int) -> list[Line]:
    """The sentence on the chosen run, else on the first, in at most `height` lines."""
    if not models.rows:
        return [[(f" {one_line(run[-4:])} is not compared: {one_line(why)}", "dim")] for run, why in models.left_out][
            :height
        ]
    row = next((row for row in models.rows if row.run == chosen), models.rows[0])
    return sentence(model_sentence(row, models.baseline, models.rules, models.size), marks[row.run], width, height)


# --- recipes --------------------------------------------------------------------------------------------------


def recipes_heading(recipes: Recipes, width: int, switch: Line) -> Line:
    """What is compared: means over seeds."""
    title = "verdict on two recipes" if len(recipes.rows) == 1 else "verdict on recipes"
    methods = sorted({row.difference.method for row in recipes.rows if row.difference})
    how = f"mean of the last epochs over seeds, {' and '.join(methods) or 'no test'}   "
    return heading(title, width, [[(how, "dim"), *switch], switch])


def recipes_lines(recipes: Recipes, labels: Mapping[str, str], marks: Marks, chosen: str, width: int) -> list[Line]:
    """The column heads, the baseline, and a row for each other recipe.

    Args:
        marks: by recipe id, those of its first marked run.
        chosen: a recipe id.
    """
    heads = ("n", "mean", "sd", "Δ base", "95 % interval", f"p {CORRECTIONS[recipes.rules.correction]}", "for 80 %")
    every = (recipes.baseline, *recipes.rows)
    rows = [
        _Row(
            marks[row.recipe.recipe_id],
            one_line(labels[row.recipe.recipe_id]),
            "",
            row.difference.interval if row.difference else None,
            row.difference.difference if row.difference else math.nan,
            _recipe_figures(row, base=row is recipes.baseline),
            "" if row is recipes.baseline else word(row.outcome, recipes.rules, recipes.size, models=False),
            row.recipe.recipe_id == chosen,
        )
        for row in every
    ]
    return _lines(rows, [row.outcome for row in every], heads, (("for 80 %",), ("sd",)), "recipe", width)


def _recipe_figures(row: RecipeVerdict, *, base: bool) -> tuple[str, ...]:
    last, found = row.recipe.last, row.difference
    sd = f"{100 * last.sd:.2f}".removeprefix("0") if last.n > 1 else NONE
    gap = "base" if base else delta(found.difference, 2) if found else NONE
    seeds = f"{'≥ ' if row.at_least else ''}{row.seeds_needed} seeds" if row.seeds_needed else ""
    interval = "" if base else range_text(found.interval if found else None)
    p = "" if base else p_text(row.adjusted)
    return str(last.n), percent(last.mean) if last.n else NONE, sd, gap, interval, p, seeds


def recipe_lines_of(
    recipes: Recipes, labels: Mapping[str, str], marks: Marks, chosen: str, width: int, height: int
) -> list[Line]:
    """The sentence on the chosen recipe, else on the first, in at most `height` lines."""
    if not recipes.rows:
        return [[(" all marked runs are of one recipe: there is nothing to compare it with", "dim")]][:height]
    row = next((row for row in recipes.rows if row.recipe.recipe_id == chosen), recipes.rows[0])
    recipe = row.recipe.recipe_id
    text = recipe_sentence(row, one_line(labels[recipe]), recipes.rules, recipes.size)
    return sentence(text, marks[recipe], width, height)


def seeds_strip(recipes: Recipes, marks: Marks, width: int) -> list[Line]:
    """Every seed of each recipe on one scale, and its ends; nothing where no recipe has two."""
    every = [row for row in (recipes.baseline, *recipes.rows) if row.recipe.last.n]
    values = [100 * value for row in every for value in row.recipe.by_seed.values()]
    cells = width - 14
    if cells < 20 or not any(row.recipe.last.n > 1 for row in every):
        return []
    low, high = min(values), max(values)
    span = max(high - low, 0.2)
    lines: list[Line] = []
    for row in every:
        mark, role = marks[row.recipe.recipe_id]
        columns = sorted(round((100 * value - low) / span * (cells - 1)) for value in row.recipe.by_seed.values())
        text = "".join(
            mark[0] if at in columns else "─" if columns[0] < at < columns[-1] else "┈" for at in range(cells)
        )
        head = " every seed" if not lines else ""
        before, after = columns[0], columns[-1] + 1
        parts: Line = [
            (f"{head:<13}", "dim"),
            (text[:before], "grid"),
            (text[before:after], role),
            (text[after:], "grid"),
        ]
        lines.append([part for part in parts if part[0]])
    ends = f"{low:.2f}", f"{low + span:.2f}"
    lines.append([(f"{'':<13}{ends[0]}{ends[1]:>{cells - len(ends[0])}}", "dim")])
    return lines


# --- both -----------------------------------------------------------------------------------------------------


def _lines(
    rows: Sequence[_Row],
    outcomes: Sequence[str],
    heads: Sequence[str],
    dropped: Sequence[Sequence[str]],
    first: str,
    width: int,
) -> list[Line]:
    """Rows with as many cells for the intervals as the figures leave; where there are too few, figures go first.

    Args:
        dropped: heads of the columns that go together, in this order.
        first: the head of the names.
    """
    at = {head: place for place, head in enumerate(heads)}
    kept = [head for head in heads if any(row.figures[at[head]] not in ("", NONE) for row in rows)]
    widths = {head: max(len(head), *(len(row.figures[at[head]]) for row in rows)) + 2 for head in heads}
    verdict = max((len(row.verdict) for row in rows), default=0) + 2
    name = min(max(len(first), *(len(row.name) for row in rows)), max(width // 4, 4))
    longest = max(len(row.detail) for row in rows)
    detail = min(longest + 1, 16 if width < _LONG_NAMES else 24) if width >= _NAMED and longest else 0

    def left() -> int:
        return width - 3 - name - detail - 2 - sum(widths[head] for head in kept) - verdict - 1

    for group in dropped:
        if left() >= (_GOOD_CELLS if width >= _NARROW else _LEAST_CELLS):
            break
        kept = [one for one in kept if one not in group]
    name = max(name + min(left(), 0), _LEAST_NAME)
    cells = min(left(), _MOST_CELLS)
    cells = cells if cells >= _LEAST_CELLS else 0
    scale = scale_of(row.interval for row in rows)
    lines: list[Line] = [_head(first, name + detail, scale, cells, kept, widths, verdict)]
    for row, outcome in zip(rows, outcomes, strict=True):
        mark, role = row.mark
        line: Line = [(f" {mark[0]} ", role), (fit(row.name, name), f"{role} strong" if row.chosen else role)]
        line += [(fit(f" {row.detail}", detail), "dim")] if detail else []
        line.append(("  ", ""))
        if cells:
            line += interval_cells(row.interval, row.value, scale, cells, mark=mark[0], roles=(role, role))
        for head in kept:
            bold = head in ("Δ points", "mean")
            line.append((fit(row.figures[at[head]], widths[head], "right"), "strong" if bold else ""))
        line.append((f"  {row.verdict}", role_of_verdict(outcome)))
        lines.append(clip(line, width))
    return lines


def _head(
    first: str, name: int, scale: Scale, cells: int, kept: Sequence[str], widths: Mapping[str, int], verdict: int
) -> Line:
    around = scale.head(cells) if cells else ""
    if cells:
        zero = scale.column(0.0, cells)
        for word_, start in (("worse ◂", zero - 7), ("▸ better", zero + 1)):
            place = around[max(start - (word_[0] == "w"), 0) : start + len(word_) + (word_[0] == "▸")]
            if start >= 0 and start + len(word_) <= cells and not place.strip():
                around = around[:start] + word_ + around[start + len(word_) :]
    figures = "".join(fit(head, widths[head], "right") for head in kept)
    return [(f"   {fit(first, name)}  {around}{figures}  {fit('verdict', verdict - 2)}".rstrip(), "dim")]


def sentence(text: str, mark: tuple[str, str], width: int, height: int) -> list[Line]:
    """A verdict behind the mark of its run, in at most `height` lines.

    Where it is too long, its last sentence goes, then the first thing in parentheses, which the table has as well.
    """
    lines = wrap(text, width - 4)
    for shorten in (_without_last_sentence, _without_parenthesis):
        if len(lines) > height:
            text = shorten(text)
            lines = wrap(text, width - 4)
    lead: Line = [(f" {mark[0][0]} ", mark[1])]
    found: list[Line] = [[*(lead if not at else [("   ", "")]), (line, "")] for at, line in enumerate(lines[:height])]
    if len(lines) > height and found:
        found[-1].append((" …", ""))
    return [clip(line, width) for line in found]


def _without_last_sentence(text: str) -> str:
    first = text.rstrip(".").rpartition(". ")[0]
    return f"{first}." if first else text


def _without_parenthesis(text: str) -> str:
    return _PARENTHESIS.sub("", text, count=1)
