"""The figures behind verdicts as plain data, for JSON. Accuracies and differences are 0..1; NaN stands for unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from engine.analysis.between_models import Models, ModelVerdict, by_class
from engine.analysis.between_recipes import Recipes, RecipeVerdict
from engine.analysis.marked import MarkedRun
from engine.analysis.stats import Interval
from engine.analysis.together import Suspects
from engine.analysis.verdict import Rules
from tui.drawing.verdict_tables import not_to_be_concluded, not_to_be_concluded_of_recipes
from tui.drawing.verdict_words import churn_sentence, model_sentence, recipe_sentence, word


def run_data(one: MarkedRun) -> dict[str, Any]:
    """A marked run: the keys of `runs list --json`, its difference to the baseline, and what it took."""
    run, row = one.run, one.row
    return (
        run.to_json()
        | {"best_on": run.best_on or None, "best_epoch": row.best_epoch if run.best_on else None}
        | {"against_first": row.against, "at_epoch": row.at_epoch, "at_epoch_of_first": row.base_epoch}
        | {"changes_to_baseline": one.changes, "epoch_seconds": run.epoch_seconds or None, "energy_kwh": one.energy}
        | {"milestones": [dataclasses.asdict(milestone) for milestone in one.milestones]}
    )


def models_data(marked: Sequence[MarkedRun], models: Models) -> dict[str, Any]:
    """The verdicts on single runs."""
    return _family(models.rules, models.size, models.left_out) | {
        "rows": [_model(row, models) for row in models.rows],
        "not_to_be_concluded": _notes(not_to_be_concluded(marked, models)),
    }


def _model(row: ModelVerdict, models: Models) -> dict[str, Any]:
    pair = row.pair
    counts = pair.counts if pair else None
    return {
        "run": row.run,
        "difference": row.difference,
        "interval": _interval(row.interval),
        "paired": pair is not None,
        "reason": row.reason,
        "images": counts.images if counts else None,
        "lost": counts.lost if counts else None,
        "won": counts.won if counts else None,
        "exact_p": counts.exact_p if counts else None,
        "mid_p": row.p,
        "adjusted_p": row.adjusted,
        "outcome": row.outcome,
        "verdict": word(row.outcome, models.rules, models.size, models=True),
        "sentence": model_sentence(row, models.baseline, models.rules, models.size),
        "weights": list(pair.weights) if pair else None,
        "note": pair.note if pair else "",
        "per_class": _per_class(row, models.rules),
        "churn": dataclasses.asdict(row.churn) | {"sentence": churn_sentence(row, models.baseline)}
        if row.churn
        else None,
    }


def _per_class(row: ModelVerdict, rules: Rules) -> list[dict[str, Any]]:
    """For each class the images that only the baseline (lost) or only the run (won) classifies correctly."""
    return [
        {
            "class": one.name,
            "images": one.counts.images,
            "lost": one.counts.lost,
            "won": one.counts.won,
            "difference": one.counts.difference,
            "mid_p": one.p,
            "adjusted_p": one.adjusted,
        }
        for one in (by_class(row.pair, rules) if row.pair else ())
    ]


def suspects_data(suspects: Suspects) -> dict[str, Any]:
    """Images whose labels are worth a look, the surest first; `image` is the index in the full test set."""
    names = suspects.classes
    images = [
        {
            "image": one.image,
            "label": names[one.label],
            "predicted": names[one.predicted],
            "probability": one.probability,
        }
        for one in suspects.images
    ]
    return {"runs": list(suspects.runs), "recipes": suspects.recipes, "images": images}


def recipes_data(recipes: Recipes, labels: Mapping[str, str]) -> dict[str, Any]:
    """The verdicts on recipes; `labels` are their names by recipe id."""
    return _family(recipes.rules, recipes.size, recipes.left_out) | {
        "baseline": _recipe(recipes.baseline, labels),
        "rows": [_recipe(row, labels) | _against(row, labels, recipes) for row in recipes.rows],
        "not_to_be_concluded": _notes(not_to_be_concluded_of_recipes(recipes, labels)),
    }


def _recipe(row: RecipeVerdict, labels: Mapping[str, str]) -> dict[str, Any]:
    recipe = row.recipe
    return {
        "recipe_id": recipe.recipe_id,
        "recipe": labels[recipe.recipe_id],
        "runs": [run.id for run in recipe.runs],
        "seeds": [run.seed for run in recipe.runs],
        "last": dataclasses.asdict(recipe.last),
        "interval_of_mean": _interval(row.mean_interval),
        "variance": dataclasses.asdict(row.variance) if row.variance else None,
        "ensemble": dataclasses.asdict(row.ensemble) if row.ensemble else None,
        "planned": row.planned or None,
        "interim": row.interim,
        "unfinished": recipe.unfinished,
        "repeated": recipe.repeated,
        "left_out": recipe.left_out,
    }


def _against(row: RecipeVerdict, labels: Mapping[str, str], recipes: Recipes) -> dict[str, Any]:
    found, better = row.difference, row.improvement
    return {
        "difference": found.difference if found else None,
        "interval": _interval(found.interval if found else None),
        "method": found.method if found else None,
        "df": found.df if found else None,
        "p": found.p if found else None,
        "adjusted_p": row.adjusted,
        "reason": row.reason,
        "bootstrap_interval": _interval(row.bootstrap),
        "improvement": {
            "probability": better.probability,
            "interval": _interval(better.interval),
            "conclusion": better.conclusion,
        }
        if better
        else None,
        "seeds_needed": row.seeds_needed or None,
        "seeds_needed_at_least": row.at_least,
        "outcome": row.outcome,
        "verdict": word(row.outcome, recipes.rules, recipes.size, models=False),
        "sentence": recipe_sentence(row, labels[row.recipe.recipe_id], recipes.rules, recipes.size),
    }


def _family(rules: Rules, size: int, left_out: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "comparisons": size,
        "correction": rules.correction,
        "smallest": rules.smallest,
        "left_out": [{"id": id, "reason": reason} for id, reason in left_out],
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _notes(notes: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"about": topic, "text": text} for topic, text in notes]
