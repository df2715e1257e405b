"""What the panes of Compare below the chart show together, at each size of the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.analysis.judged import Judged
from tui.drawing.compare_classes import classes_line
from tui.drawing.compare_facts import (
    command_section,
    cost_section,
    equal_section,
    facts_line,
    fields_section,
    notes_section,
)
from tui.drawing.compare_verdicts import (
    model_lines_of,
    models_heading,
    models_lines,
    recipe_lines_of,
    recipes_heading,
    recipes_lines,
    seeds_strip,
)
from tui.drawing.further_panes import on_sets_section
from tui.drawing.lines import Line, clip, heading, hints

_SWITCH: Final = hints([("o", "runs/recipes")])
_LEAST_EQUAL: Final = 4  # rows that the fields that all runs share are worth showing in


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the panes of text show."""

    judged: Judged
    marks: Mapping[str, tuple[str, str]]
    """By run id: mark and role."""
    labels: Mapping[str, str]
    """By recipe id: its name, or how it differs from the baseline's."""
    chosen: str
    """Id of the run under the cursor."""
    by_recipe: bool = False
    """Whether recipes are judged, and not models."""
    every_field: bool = False
    focused: bool = False
    """Whether the facts take the keys."""
    command: str = ""
    picked: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By run id: its place among so many runs, when it was marked in a list sorted by accuracy; (0, 0) if it was not.
    """

    @property
    def recipe_marks(self) -> dict[str, tuple[str, str]]:
        """By recipe id: the mark and role of its first marked run."""
        found: dict[str, tuple[str, str]] = {}
        for one in self.judged.marked:
            found.setdefault(one.run.recipe_id, self.marks[one.run.id])
        return found

    @property
    def chosen_recipe(self) -> str:
        """The recipe of the run under the cursor."""
        return next((one.run.recipe_id for one in self.judged.marked if one.run.id == self.chosen), "")


def verdict_pane(page: Page, width: int, height: int, *, wide: bool) -> list[Line]:
    """The verdict below the table: its rows and a sentence on the run under the cursor.

    Args:
        wide: whether classes and facts have panes of their own; else each has a line here.
    """
    if len(page.judged.marked) < 2:
        return [clip([(" mark a second run to compare with: space on Results (2)", "dim")], width)][:height]
    lines = _recipes(page, width) if page.by_recipe else _models(page, width)
    below = [] if wide else [classes_line(page.judged, page.chosen, width), facts_line(page.judged, width)]
    if not wide and len(lines) > 2:
        del lines[1]  # the column heads
    room = height - len(below) - 2
    if len(lines) > room:
        lines = [lines[0], *_around(lines[1:], page, room - 1)]
    lines += _sentence(page, width, height - len(lines) - len(below))
    return [*lines, *below][:height]


def _around(rows: list[Line], page: Page, room: int) -> list[Line]:
    """The rows that fit, so that the one of the chosen run is among them."""
    at = next((i for i, row in enumerate(rows) if any(page.chosen[-4:] in text for text, _ in row[:2])), 0)
    first = min(max(at - room + 1, 0), max(len(rows) - room, 0))
    return rows[first : first + max(room, 0)]


def _models(page: Page, width: int) -> list[Line]:
    models = page.judged.models
    if models is None:
        return [heading("verdict on these models", width, [_SWITCH]), [(" reading the predictions", "dim")]]
    changes = {one.run.id: one.changes for one in page.judged.marked}
    rows = models_lines(models, changes, page.marks, page.chosen, width) if models.rows else []
    return [models_heading(models, width, _SWITCH), *rows]


def _recipes(page: Page, width: int) -> list[Line]:
    recipes = page.judged.recipes
    if recipes is None:
        why = " reading the runs of these recipes" if page.judged.base.recipe else " its recipe cannot be read"
        return [heading("verdict on recipes", width, [_SWITCH]), [(why, "dim")]]
    rows = recipes_lines(recipes, page.labels, page.recipe_marks, page.chosen_recipe, width)
    return [recipes_heading(recipes, width, _SWITCH), *rows]


def _sentence(page: Page, width: int, height: int) -> list[Line]:
    models, recipes = page.judged.models, page.judged.recipes
    if height < 1:
        return []
    if page.by_recipe:
        return (
            recipe_lines_of(recipes, page.labels, page.recipe_marks, page.chosen_recipe, width, height)
            if recipes
            else []
        )
    return model_lines_of(models, page.marks, page.chosen, width, height) if models else []


def lower_lines(page: Page, width: int) -> list[Line]:
    """The facts below the verdict, at its right: fields that differ, further test sets, what may not be concluded."""
    fields = fields_section(page.judged, page.marks, width, every=page.every_field, focused=page.focused)
    notes = notes_section(page.judged, width, by_recipe=page.by_recipe, picked=page.picked)
    return [*fields, *on_sets_section(page.judged.on_sets, page.marks, width), *notes]


def column_lines(page: Page, width: int, height: int) -> list[Line]:
    """The facts as a column of full height: both verdicts, and everything else."""
    judged = page.judged
    sections: list[list[Line]] = []
    if len(judged.marked) > 1:
        both = [[*_models(page, width), *_sentence_of(page, width, by_recipe=False)]]
        both.append([*_recipes(page, width), *_strip(page, width), *_sentence_of(page, width, by_recipe=True)])
        sections += reversed(both) if page.by_recipe else both
    sections.append(on_sets_section(judged.on_sets, page.marks, width))
    sections.append(notes_section(judged, width, by_recipe=page.by_recipe, picked=page.picked))
    sections.append(fields_section(judged, page.marks, width, every=page.every_field, focused=page.focused))
    sections.append(cost_section(judged, page.marks, width))
    sections.append(command_section(page.command, width))
    lines: list[Line] = []
    for section in filter(None, sections):
        lines += [[], *section] if lines else section
    left = height - len(lines) - 1
    if left >= _LEAST_EQUAL and not page.every_field:
        lines += [[], *equal_section(judged, width, left)]
    return lines


def _sentence_of(page: Page, width: int, *, by_recipe: bool) -> list[Line]:
    models, recipes = page.judged.models, page.judged.recipes
    if by_recipe and recipes:
        return recipe_lines_of(recipes, page.labels, page.recipe_marks, page.chosen_recipe, width, 4)
    return model_lines_of(models, page.marks, page.chosen, width, 4) if models and not by_recipe else []


def _strip(page: Page, width: int) -> list[Line]:
    return seeds_strip(page.judged.recipes, page.recipe_marks, width) if page.judged.recipes else []
