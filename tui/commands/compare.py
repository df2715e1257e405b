"""`cifar-tui runs compare`: runs side by side, verdicts on models or recipes, and the fields that differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.contract.errors import BadInput, nearest
from tui.commands.common import Json, Refs, RunsDirs, print_json, print_pairs, print_table, print_text, roots, width
from tui.drawing.format import percent

if TYPE_CHECKING:
    from engine.analysis.between_models import Models
    from engine.analysis.between_recipes import Recipes
    from engine.analysis.compare import Difference, SeedGroup
    from engine.analysis.judged import Judged
    from engine.analysis.marked import MarkedRun
    from engine.analysis.verdict import Rules
    from engine.contract.run.folder import RunFolder
    from tui.drawing.typeset import Table


def compare(
    refs: list[str] = Refs,
    by: str = typer.Option(
        "run", "--by", help="What is judged: run (these models) or recipe (their means over all seeds)."
    ),
    baseline: str = typer.Option(
        "", "--baseline", help="The run to compare with; by default the first.", metavar="RUN"
    ),
    smallest: float | None = typer.Option(
        None,
        "--smallest",
        min=0.0,
        help="Smallest difference that matters, in points; by default the setting `smallest`, else 0.2.",
    ),
    correction: str = typer.Option("holm", "--correction", help="Correction for several comparisons: holm or bh."),
    paired: bool = typer.Option(
        False, "--paired", help="Pair runs by seed, where recipes share the order of the images and all draws."
    ),
    classes: bool = typer.Option(False, "--classes", help="Show the difference for each class, too."),
    same_epoch: bool = typer.Option(
        False, "--same-epoch", help="Compare finished runs, too, at the last epoch that both have tested."
    ),
    form: str = typer.Option("", "--format", help="Print only the tables and sentences, as text, md, latex, or tsv."),
    svg: Path | None = typer.Option(
        None, "--svg", help="Write the curves, tables and sentences as SVG.", metavar="FILE"
    ),
    as_json: bool = Json,
    runs_dir: list[str] | None = RunsDirs,
) -> None:
    """Compare runs side by side, and say what the difference shows.

    Lists accuracies, the difference from the baseline, the epochs to an accuracy, and the fields in which the recipes
    differ. Two finished runs are compared at their last epochs, all others at the last epoch that both have tested.
    The verdict on finished runs compares their predictions image by image; with --by recipe, the means of all finished
    runs of these recipes. Runs that `runs predict` has tested on further test sets are compared on each of these.
    """
    from engine.analysis.compare import groups
    from engine.analysis.judged import Judged, judge_models, judge_on_sets, judge_recipes, recipe_labels
    from engine.analysis.marked import read_marked
    from engine.contract.run.index import Index
    from tui.drawing.compare_export import FORMATS, sheets, written
    from tui.drawing.further_sets import on_set_data, on_set_table

    if form and form not in FORMATS:
        raise BadInput(f"--format {form!r}: not one of {', '.join(FORMATS)}{nearest(form, FORMATS)}")
    from tui.settings import SMALLEST, settings_of

    least = smallest if smallest is not None else settings_of({}).smallest or SMALLEST
    rules = _rules(by, least, correction, paired)
    places = roots(runs_dir)
    folders = _chosen(places, refs, baseline)
    base = folders[0].id
    marked = read_marked(folders, base, same_epoch=same_epoch)
    seeds = groups([one.row for one in marked])
    models, on_sets = judge_models(marked, base, rules), judge_on_sets(marked, base, rules)
    by_recipe = by == "recipe"
    recipes = judge_recipes(marked, base, Index().rows(places), rules) if by_recipe or form or svg else None
    differing = Judged(tuple(marked), base).differing()
    labels = recipe_labels(marked, base)
    if as_json:
        further = {"test_sets": [on_set_data(one) for one in on_sets]}
        shown = recipes if by_recipe else None
        print_json(_json(marked, seeds, differing, models) | further | _recipes_json(shown, labels))
        return
    if svg is not None or form:
        found = Judged(tuple(marked), base, models, recipes, on_sets)
        if svg is not None:
            _save_svg(found, labels, by_recipe, svg)
        else:
            typer.echo(written(sheets(found, labels, by_recipe=by_recipe), form, width()), nl=False)
        return
    _print_runs(marked, base, seeds)
    if by_recipe and recipes:
        _print_recipes(recipes, labels)
    else:
        _print_models(marked, models, classes=classes)
    for one in on_sets:
        _print(on_set_table(one), shrink=["verdict"], drop=["95 % CI", "p"])
    _print_differences(marked, differing)


def _chosen(places: Sequence[Path], refs: Sequence[str], baseline: str) -> list[RunFolder]:
    """The runs to compare, each once, the baseline first. Raises BadInput if there are fewer than two."""
    from engine.contract.run.store import find

    folders = list(dict.fromkeys(find(places, ref) for ref in [*([baseline] if baseline else []), *refs]))
    if len(folders) < 2:
        same = f"; all of these are run {folders[0].id}" if len(refs) > 1 else ""
        raise BadInput(f"runs compare: name at least two runs{same}")
    return folders


def _save_svg(judged: Judged, labels: dict[str, str], by_recipe: bool, file: Path) -> None:
    from tui.commands import svg_file
    from tui.dashboard.options import Options
    from tui.dashboard.overlay import Overlay, overlay_chart
    from tui.drawing.compare_export import sheets
    from tui.drawing.palette import SLOTS
    from tui.drawing.ranges import Ranges
    from tui.drawing.svg import chart_part, table_part

    slots = [slot if slot < SLOTS else None for slot in range(len(judged.marked))]
    shown = [Overlay(judged.marked, slots, judged.baseline, loss=loss) for loss in (False, True)]
    parts = [chart_part(overlay_chart(one, Options(), Ranges(), wide=False)) for one in shown]
    svg_file.save([*parts, *map(table_part, sheets(judged, labels, by_recipe=by_recipe))], file, "--svg")


def _rules(by: str, smallest: float, correction: str, paired: bool) -> Rules:
    from engine.analysis.verdict import Rules

    for option, value, choices in (("--by", by, ("run", "recipe")), ("--correction", correction, ("holm", "bh"))):
        if value not in choices:
            raise BadInput(f"{option} {value!r}: not one of {', '.join(choices)}{nearest(value, choices)}")
    return Rules(smallest / 100, "holm" if correction == "holm" else "bh", paired=paired)


def _print_runs(marked: Sequence[MarkedRun], base: str, seeds: Sequence[SeedGroup]) -> None:
    from tui.drawing.compare_table import notes
    from tui.drawing.format import NONE
    from tui.drawing.verdict_tables import overlay_table

    _print(overlay_table(marked, base), shrink=["recipe", "changes"], drop=["kWh", "s/epoch", "seed", "best"])
    for note in notes([one.row for one in marked]):
        typer.echo(note)
    for group in seeds:
        spread = f"± {percent(group.last.sd)} sd " if group.last.n > 1 else ""
        if group.last.n > 1 or group.repeated or group.left_out:
            remarks = "".join(f"; {remark}" for remark in (group.repeated, group.left_out) if remark)
            mean = f"{percent(group.last.mean)} {spread}%" if group.last.n else NONE
            typer.echo(f"{group.name}: {mean} (last epoch, n={group.last.n}{remarks})")


def _print_models(marked: Sequence[MarkedRun], models: Models, *, classes: bool) -> None:
    from engine.analysis.together import suspects_of
    from tui.drawing.verdict_tables import classes_table, models_table, not_to_be_concluded
    from tui.drawing.verdict_words import churn_sentence, model_sentence, suspects_sentence

    changes = {one.run.id: one.changes for one in marked}
    if models.rows:
        _print(models_table(models, changes), shrink=["changes"], drop=["images", "changes", "mid-p"])
    for row in models.rows:
        print_text(model_sentence(row, models.baseline, models.rules, models.size))
    for row in models.rows:
        print_text(churn_sentence(row, models.baseline))
    if suspects := suspects_of([one.run for one in marked]):
        print_text(suspects_sentence(suspects))
    for row in models.rows:
        if classes and row.pair:
            _print(classes_table(row, models), shrink=[], drop=["mid-p"])
    _print_notes(not_to_be_concluded(marked, models))


def _print_recipes(recipes: Recipes, labels: dict[str, str]) -> None:
    from tui.drawing.verdict_tables import not_to_be_concluded_of_recipes, recipes_table
    from tui.drawing.verdict_words import ensemble_sentence, recipe_sentence

    _print(recipes_table(recipes, labels), shrink=["recipe"], drop=["seeds + images", "P(A>B)", "p"])
    for row in recipes.rows:
        print_text(recipe_sentence(row, labels[row.recipe.recipe_id], recipes.rules, recipes.size))
    for row in (recipes.baseline, *recipes.rows):
        print_text(ensemble_sentence(row, labels[row.recipe.recipe_id]))
    _print_notes(not_to_be_concluded_of_recipes(recipes, labels))


def _print_notes(notes: Sequence[tuple[str, str]]) -> None:
    typer.echo("\nNot to be concluded")
    print_pairs(notes)


def _print(table: Table, shrink: Sequence[str], drop: Sequence[str]) -> None:
    if table.title:
        typer.echo()
        print_text(table.title)
    heads = [column.head for column in table.columns]
    right = [column.head for column in table.columns if column.right]
    print_table(heads, table.rows, right=right, shrink=shrink, drop=[head for head in drop if head in heads])


def _print_differences(marked: Sequence[MarkedRun], differing: Sequence[Difference]) -> None:
    if differing:
        typer.echo()
        head = ["differs", *(one.run.id[-4:] for one in marked)]
        print_table(head, [[difference.field, *difference.values] for difference in differing])


def _json(
    marked: Sequence[MarkedRun],
    seeds: Sequence[SeedGroup],
    differing: Sequence[Difference],
    models: Models,
) -> dict[str, Any]:
    """`against_first`, `at_epoch_of_first`: the difference to the baseline, by default the first run."""
    from engine.analysis.together import suspects_of
    from tui.drawing.verdict_figures import models_data, run_data, suspects_data

    suspects = suspects_of([one.run for one in marked])
    return {
        "baseline": models.baseline,
        "runs": [run_data(one) for one in marked],
        "seeds": [dataclasses.asdict(group) | {"best_on": group.best_on or None} for group in seeds],
        "differences": {difference.field: list(difference.values) for difference in differing},
        "models": models_data(marked, models),
        "suspects": suspects_data(suspects) if suspects else None,
    }


def _recipes_json(recipes: Recipes | None, labels: dict[str, str]) -> dict[str, Any]:
    from tui.drawing.verdict_figures import recipes_data

    return {"recipes": recipes_data(recipes, labels)} if recipes else {}
