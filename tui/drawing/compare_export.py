"""What Compare exports: the table of runs, the verdicts and their sentences, in several formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from engine.analysis.judged import Judged
from tui.drawing import table_files
from tui.drawing.further_sets import on_set_table
from tui.drawing.typeset import Table
from tui.drawing.verdict_tables import models_table, overlay_table, recipes_table
from tui.drawing.verdict_words import mean_sd, model_sentence, recipe_sentence

FORMATS: Final = {"text": "txt", "md": "md", "latex": "tex", "tsv": "tsv"}
"""The formats, and how their files end."""
WIDTH: Final = 160
"""Cells of the text format in a file."""


def sheets(judged: Judged, labels: Mapping[str, str], *, by_recipe: bool) -> list[Table]:
    """The runs, the verdicts on them or on their recipes, and how the runs do on further test sets.

    Args:
        labels: by recipe id, its name, or how it differs from the baseline's.
    """
    runs = overlay_table(judged.marked, judged.baseline)
    starred = any("*" in cell for row in runs.rows for cell in row)
    legend = ("* best epoch, picked on test",) if starred else ()
    found = [replace(runs, title="Runs", lead=tuple(means(judged, labels)), legend=legend)]
    if by_recipe and judged.recipes:
        recipes = judged.recipes
        sentences = [
            recipe_sentence(row, labels[row.recipe.recipe_id], recipes.rules, recipes.size) for row in recipes.rows
        ]
        found.append(replace(recipes_table(recipes, labels), legend=tuple(sentences)))
    elif judged.models and judged.models.rows:
        models = judged.models
        changes = {one.run.id: one.changes for one in judged.marked}
        sentences = [model_sentence(row, models.baseline, models.rules, models.size) for row in models.rows]
        found.append(replace(models_table(models, changes), legend=tuple(sentences)))
    return [*found, *map(on_set_table, judged.on_sets)]


def means(judged: Judged, labels: Mapping[str, str]) -> list[str]:
    """The mean of each recipe over its seeds: "resnet34_cutmix: 96.25 ± .10 sd (n = 3)"."""
    if judged.recipes is None:
        return []
    every = (judged.recipes.baseline, *judged.recipes.rows)
    return [f"{labels[row.recipe.recipe_id]}: {mean_sd(row.recipe.last)}" for row in every if row.recipe.last.n]


def written(tables: Sequence[Table], form: str, width: int = WIDTH) -> str:
    """The tables in a format, one of `FORMATS`."""
    further = [f"test-set-{number}" for number in range(1, len(tables))]
    return table_files.written(tables, form, width, ("runs", "verdicts", *further))
