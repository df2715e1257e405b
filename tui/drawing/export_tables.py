"""Runs as tables to export: one row per recipe, its runs as seeds, or one row per run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.analysis.chosen import RecipeRuns
from engine.analysis.recipe_fields import Fields
from engine.analysis.statistics.means import mean_interval
from engine.contract.run.summary import Summary
from tui.drawing.format import NONE, percent, picked, work
from tui.drawing.run_columns import seed_text
from tui.drawing.typeset import Column, Table
from tui.drawing.verdict_words import mean_sd


def recipe_table(groups: Sequence[RecipeRuns]) -> Table:
    """One row per recipe: "96.25 ± .10 sd (n = 3)", the interval of that mean, the best epochs, the seeds."""
    rows = []
    for group in groups:
        interval = mean_interval(group.last)
        between = f"{percent(interval.low)} .. {percent(interval.high)}" if interval else NONE
        star = "*" if group.best_on == "test" else ""
        best = f"{percent(group.best.mean)}{star}" if group.best.n else NONE
        seeds = " ".join(map(seed_text, group.runs)) or NONE
        rows.append((group.name, group.changes or NONE, mean_sd(group.last), between, best, seeds))
    heads = ("last epoch, %", "95 % CI of the mean", "best epoch")
    columns = (Column("recipe"), Column("changes"), *(Column(head, right=True) for head in heads), Column("seeds"))
    return Table("Recipes", columns, tuple(rows), legend=tuple(_legend(groups)))


def _legend(groups: Sequence[RecipeRuns]) -> list[str]:
    legend = []
    if any(group.last.n > 1 for group in groups):
        legend.append("sd: standard deviation over the n seeds (n - 1); 95 % CI: t interval of their mean")
    if any(group.best_on == "test" for group in groups):
        legend.append("* mean of the best epochs, picked on test; compare only with figures picked the same way")
    for group in groups:
        if group.repeated:
            legend.append(f"{group.name} {group.changes}: {group.repeated}")
        if group.left_out:
            legend.append(f"{group.name} {group.changes}: {group.left_out}")
    if unfinished := sum(group.unfinished for group in groups):
        legend.append(f"not counted: {unfinished} unfinished")
    return legend


def recipe_data(group: RecipeRuns) -> dict[str, Any]:
    """The row of a recipe as plain data, accuracies 0..1; NaN stands for unknown."""
    interval = mean_interval(group.last)
    return {
        "recipe_id": group.recipe_id,
        "recipe": group.name,
        "changes": group.changes,
        "n": group.last.n,
        "seeds": [run.seed for run in group.runs],
        "runs": [run.id for run in group.runs],
        "last_mean": group.last.mean,
        "last_sd": group.last.sd,
        "last_low": interval.low if interval else math.nan,
        "last_high": interval.high if interval else math.nan,
        "best_mean": group.best.mean,
        "best_sd": group.best.sd,
        "best_on": group.best_on or None,
        "unfinished": group.unfinished,
        "repeated": group.repeated,
        "left_out": group.left_out,
    }


def runs_table(runs: Sequence[Summary]) -> Table:
    """One row per run."""
    columns = (
        *map(Column, ("id", "recipe", "changes")),
        *(Column(head, right=True) for head in ("seed", "epoch", "last", "best", "time")),
        Column("status"),
    )
    rows = [
        (
            run.id,
            run.name or run.recipe_name,
            run.changes or NONE,
            seed_text(run),
            f"{run.epoch}/{run.epochs}",
            NONE if run.last_accuracy is None else percent(run.last_accuracy),
            NONE if run.best_accuracy is None else picked(run.best_accuracy, run.best_on),
            work(run.seconds, run.estimated),
            run.status,
        )
        for run in runs
    ]
    starred = any(run.best_on == "test" and run.best_accuracy is not None for run in runs)
    return Table("Runs", columns, tuple(rows), legend=("* best epoch, picked on test",) if starred else ())


def fields_table(runs: Sequence[Summary], fields: Fields) -> Table:
    """One row per run, with a column for each recipe field in which the runs differ."""
    table = runs_table(runs)
    columns = (*table.columns, *(Column(path, right=_is_number(path, fields)) for path in fields.paths))
    rows = tuple(
        (*cells, *(field_text(values.get(path)) for path in fields.paths))
        for cells, values in zip(table.rows, fields.rows, strict=True)
    )
    return replace(table, columns=columns, rows=rows)


def _is_number(path: str, fields: Fields) -> bool:
    values = [values[path] for values in fields.rows if values.get(path) is not None]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def field_text(value: Any) -> str:
    """The value of a recipe field in one cell; "-" where the recipe has no such field."""
    match value:
        case None:
            return NONE
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case list():
            return " ".join(map(field_text, value)) or NONE
        case dict():
            return ", ".join(f"{key} {field_text(item)}" for key, item in value.items())
        case _:
            return str(value)
