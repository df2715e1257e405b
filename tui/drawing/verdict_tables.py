"""Comparisons as tables: the marked runs, the verdicts on models and on recipes, and what may not be concluded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from engine.analysis.between_models import Models, ModelVerdict, by_class
from engine.analysis.between_recipes import Recipes, RecipeVerdict
from engine.analysis.marked import MarkedRun
from engine.analysis.statistics.bootstrap import MEANINGFUL
from engine.analysis.statistics.planning import runs_for_improvement
from engine.analysis.statistics.variance import FEWEST_RUNS
from tui.drawing.format import NONE, delta, number, percent, picked, whole
from tui.drawing.run_columns import seed_text
from tui.drawing.typeset import Column, Table
from tui.drawing.verdict_words import comparisons, mean_sd, p_text, plan_words, points, range_text, short, word

CORRECTIONS = {"holm": "Holm", "bh": "BH"}


def overlay_table(marked: Sequence[MarkedRun], baseline: str) -> Table:
    """The marked runs: accuracies, difference to the baseline, epochs to an accuracy, and what they cost.

    Accuracies that no run reached, and energy that was not sampled, have no column.
    """
    targets = [at for at, one in enumerate(marked[0].milestones) if any(run.milestones[at].epoch for run in marked)]
    powered = any(not math.isnan(one.energy) for one in marked)
    columns = [
        *map(Column, ("id", "recipe", "changes")),
        *(Column(head, right=True) for head in ("seed", "last", "95 % CI", "best", "Δ base")),
        *(Column(f"{100 * marked[0].milestones[at].target:g} %", right=True) for at in targets),
        Column("s/epoch", right=True),
        *([Column("kWh", right=True)] if powered else []),
        Column("status"),
    ]
    rows = []
    for one in marked:
        row, run = one.row, one.row.standing
        base = run.id == baseline
        cells = [run.id, run.name, one.changes, seed_text(one.run), percent(row.last)]
        cells += [f"±{percent(row.interval.half)}" if row.interval else NONE, picked(row.best, run.best_on)]
        cells.append("base" if base else f"{delta(row.against, 2)} {row.at}".strip())
        cells += [str(one.milestones[at].epoch or NONE) for at in targets]
        cells.append(f"{one.run.epoch_seconds:.3g}" if one.run.epoch_seconds else NONE)
        cells += [number(one.energy) if not math.isnan(one.energy) else NONE] if powered else []
        rows.append((*cells, run.state))
    return Table("", tuple(columns), tuple(rows))


def models_table(models: Models, changes: Mapping[str, str]) -> Table:
    """The verdicts on single runs, with the size of their family in the title.

    Args:
        changes: by run, how its recipe differs from that of the baseline.
    """
    correction = CORRECTIONS[models.rules.correction]
    heads = ("Δ points", "95 % interval", "images", "lost", "won", "mid-p", correction)
    columns = (Column("run"), Column("changes"), *(Column(head, right=True) for head in heads), Column("verdict"))
    rows = [(short(row.run), changes[row.run], *_figures(row), _model_word(row, models)) for row in models.rows]
    these = "These two models" if len(models.rows) == 1 else "These models"
    title = f"{these} after their last epochs, each against {short(models.baseline)} ({comparisons(models.size)})"
    return Table(title, columns, tuple(rows))


def _figures(row: ModelVerdict) -> tuple[str, ...]:
    counts = row.pair.counts if row.pair else None
    interval = range_text(row.interval) + (" unpaired" if row.interval and not counts else "")
    paired = (whole(counts.images), str(counts.lost), str(counts.won)) if counts else (NONE, NONE, NONE)
    return delta(row.difference, 2), interval, *paired, p_text(row.p), p_text(row.adjusted)


def _model_word(row: ModelVerdict, models: Models) -> str:
    return row.reason if row.pair is None else word(row.outcome, models.rules, models.size, models=True)


def classes_table(row: ModelVerdict, models: Models) -> Table:
    """A pair of runs class by class, in points of accuracy on the images of a class; without a pair there are no rows.

    The p values are corrected for the number of classes, which are a family of their own.
    """
    found = by_class(row.pair, models.rules) if row.pair else []
    heads = ("images", "Δ points", "lost", "won", "mid-p", CORRECTIONS[models.rules.correction])
    rows = [
        (
            one.name,
            whole(one.counts.images),
            delta(one.counts.difference, 2),
            str(one.counts.lost),
            str(one.counts.won),
            p_text(one.p),
            p_text(one.adjusted),
        )
        for one in found
    ]
    title = f"{short(row.run)} against {short(models.baseline)} by class ({comparisons(len(rows))})"
    return Table(title, (Column("class"), *(Column(head, right=True) for head in heads)), tuple(rows))


def recipes_table(recipes: Recipes, labels: Mapping[str, str]) -> Table:
    """The verdicts on recipes, with the size of their family in the title; the baseline comes first.

    Args:
        labels: by recipe id, the name or how it differs from the baseline.
    """
    correction = CORRECTIONS[recipes.rules.correction]
    heads = ("last", "Δ base", "95 % interval", "seeds + images", "P(A>B)", "p", correction, "for 80 %")
    columns = (Column("recipe"), *(Column(head, right=True) for head in heads), Column("verdict"))
    base = recipes.baseline.recipe
    rows = [(labels[base.recipe_id], mean_sd(base.last), "base", *[""] * (len(heads) - 2), "")]
    for row in recipes.rows:
        verdict = word(row.outcome, recipes.rules, recipes.size, models=False)
        rows.append((labels[row.recipe.recipe_id], mean_sd(row.recipe.last), *_mean_figures(row), verdict))
    title = f"Means of the last epochs over seeds, each against {labels[base.recipe_id]} ({comparisons(recipes.size)})"
    return Table(title, columns, tuple(rows))


def _mean_figures(row: RecipeVerdict) -> tuple[str, ...]:
    found = row.difference
    gap = row.recipe.last.mean if found is None else found.difference
    return (
        delta(gap, 2) if found else NONE,
        range_text(found.interval) if found else NONE,
        range_text(row.bootstrap),
        f"{row.improvement.probability:.2f}".removeprefix("0") if row.improvement else NONE,
        p_text(found.p if found else math.nan),
        p_text(row.adjusted),
        f"{'>= ' if row.at_least else ''}{row.seeds_needed} seeds" if row.seeds_needed else NONE,
    )


def not_to_be_concluded(marked: Sequence[MarkedRun], models: Models) -> list[tuple[str, str]]:
    """What the table of models does not show, each as a topic and a sentence."""
    notes = []
    if models.rows:
        notes.append(("recipes", "each run is n = 1: these are models, not recipes; another seed may differ"))
        notes.append(("95 %", "the finite test set only; not corrected for the number of comparisons"))
    if any(one.run.best_on == "test" and one.run.best_accuracy is not None for one in marked):
        notes.append(("best*", "epoch picked on test; compare only with figures picked the same way; in no verdict"))
    notes += _pairing_notes(models)
    notes += [("left out", f"{short(run)}: {reason}") for run, reason in models.left_out]
    devices = list(dict.fromkeys(one.run.device_name for one in marked if one.run.device_name))
    if len(devices) > 1:
        notes.append(("time", f"different devices ({'; '.join(devices)}): seconds are not ranked"))
    return notes


def _pairing_notes(models: Models) -> list[tuple[str, str]]:
    notes = []
    for row in models.rows:
        if row.pair is None:
            continue
        mine, theirs = row.pair.weights
        if mine != theirs:
            text = (
                f"{short(row.run)} is tested with its {mine} weights, {short(models.baseline)} with its {theirs} ones"
            )
            notes.append(("weights", text))
        if row.pair.note:
            notes.append(("pairing", f"{short(row.run)}: {row.pair.note}"))
    return notes


def not_to_be_concluded_of_recipes(recipes: Recipes, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the table of recipes does not show, each as a topic and a sentence."""
    groups = [recipes.baseline, *recipes.rows]
    notes = [("interim", f"{labels[row.recipe.recipe_id]}: {plan_words(row)}") for row in groups if row.interim]
    notes += [("95 %", "not corrected for the number of comparisons; best* enters no verdict")]
    methods = {row.difference.method for row in recipes.rows if row.difference}
    notes.append(("p", f"t test, {' and '.join(sorted(methods)) or 'none possible'}"))
    if recipes.rules.paired and "welch" in methods:
        notes.append(("pairing", "only recipes with the same order, draws and seeds are paired by seed; else Welch"))
    notes.append(
        ("for 80 %", f"seeds of each recipe that show {points(recipes.rules.smallest)} points, at this spread")
    )
    if any(row.improvement for row in recipes.rows):
        threshold = f"{MEANINGFUL:g}".removeprefix("0")
        text = f"matters from {threshold} on, which takes {runs_for_improvement(MEANINGFUL)} seeds of each to tell"
        notes.append(("P(A>B)", text))
    if any(row.variance is None for row in groups):
        text = f"not enough runs to tell it from test-set noise: {FEWEST_RUNS} of a recipe are needed"
        notes.append(("spread", text))
    for row in groups:
        label, split = labels[row.recipe.recipe_id], row.variance
        if split:
            sds = points(math.sqrt(split.observed)), points(split.distribution_sd)
            notes.append(("spread", f"{label}: sd {sds[0]} on this test set, about {sds[1]} on unlimited images"))
        if row.recipe.repeated:
            notes.append(("seeds", f"{label}: {row.recipe.repeated}"))
        if row.recipe.left_out:
            notes.append(("seeds", f"{label}: {row.recipe.left_out}"))
        if row.recipe.unfinished:
            notes.append(("unfinished", f"{label}: {row.recipe.unfinished} more, not counted"))
    return notes + [("left out", f"{labels[recipe]}: {reason}") for recipe, reason in recipes.left_out]
