"""What a list of choices shows below itself about the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from presets.loader import PresetInfo
from presets.references import recipe_of
from tui.drawing.figures import expected, matches_preset
from tui.drawing.format import Glyphs, counted, learning_rate, percent, si
from tui.drawing.lines import Drawing, Line, heading, wrap
from tui.forms import panes
from tui.forms.editor import FormEditor

About = Callable[[str], Drawing]
"""The drawing about a choice, by its value."""


def about_presets(presets: Sequence[PresetInfo], catalog: Catalog, runs: Sequence[Summary]) -> About:
    """The title, the figures and the description of a preset, and what its runs here reached.

    Args:
        runs: the runs on this machine.
    """
    by_name = {info.name: info for info in presets}

    def about(name: str) -> Drawing:
        facts = _facts(by_name[name], catalog, runs)
        return partial(_preset, by_name[name], facts)

    return about


def _preset(info: PresetInfo, facts: Sequence[tuple[str, str]], width: int, height: int) -> list[Line]:
    lines: list[Line] = [heading(one_line(info.title) or info.name, width)]
    lines += [[(f" {part}", role)] for text, role in facts for part in wrap(text, width - 2)]
    lines += [[(f" {part}", "")] for part in wrap(one_line(info.description, 2000), width - 2)]
    if len(lines) > height:
        lines = [*lines[: height - 1], [*lines[height - 1], (" …", "dim")]]
    return lines


def _facts(info: PresetInfo, catalog: Catalog, runs: Sequence[Summary]) -> list[tuple[str, str]]:
    """The figures of a preset with their roles, or why it cannot be used."""
    try:
        recipe = recipe_of(info.name, catalog)
    except BadInput as error:
        return [(one_line(problem), "bad") for problem in error.problems]
    meta = catalog.get("model", recipe.model.name).meta
    size = [f"{si(meta['params'])} parameters"] if "params" in meta else []
    size += [f"{meta['gmacs']:.3g} GMACs"] if "gmacs" in meta else []
    rate = learning_rate(float(recipe.optimizer.options["lr"]))
    optimizer = f"{recipe.optimizer.name}, lr {rate}"
    what = " · ".join((recipe.data.name, recipe.model.name, *size))
    how = " · ".join((f"{recipe.epochs:g} epochs", f"batch {recipe.batch_size}", optimizer, recipe.schedule.name))
    facts = [(what, ""), (how, "")]
    if recipe.promise:
        facts.append((expected(recipe.promise), "strong"))
    return [*facts, (_here(info.name, runs), "dim")]


def _here(name: str, runs: Sequence[Summary]) -> str:
    """How the finished runs of the unchanged preset on this machine ended."""
    found = [
        row.last_accuracy
        for row in runs
        if row.preset == name and matches_preset(row.preset, row.changes) and row.status == "finished"
        if row.last_accuracy is not None and not row.excluded
    ]
    if not found:
        return "no finished run here"
    low, high = percent(min(found)), percent(max(found))
    return f"{counted(len(found), 'finished run')} here: last {low if low == high else f'{low} to {high}'} %"


def about_schedules(editor: FormEditor, glyphs: Glyphs, *, color: bool) -> About:
    """The learning rate of the form with another schedule, over that of the form as it is."""

    def about(name: str) -> Drawing:
        trial = editor.trying("schedule", name)
        if trial.problems:
            words = next(iter(trial.problems.values()))
            return lambda width, height: [[(f" {part}", "bad")] for part in wrap(words, width - 2)][:height]
        return lambda width, height: panes.learning_rate(
            trial.recipe, width, height, glyphs, editor.recipe, base_name="as it is", color=color
        )

    return about
