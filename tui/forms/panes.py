"""The panes around the form: preset, learning rate, estimates, command, help. Pure functions that return lines."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.schedules import learning_rates
from tui.drawing.axes import rate_axis, x_axis
from tui.drawing.charts import Chart, ChartStyle, Series
from tui.drawing.format import Glyphs
from tui.drawing.lines import Line, clip, fit, heading, hints, wrap
from tui.drawing.plot import plot
from tui.forms.editor import FormEditor
from tui.forms.fields import Field
from tui.forms.rows import help_of
from tui.plans.draft import Draft

COMMAND_INDENT = 11
"""Indentation of further lines of a command in cells: below the first word after `cifar-tui`."""


def preset(editor: FormEditor) -> Line:
    """The name of the preset in its box, and its title."""
    name, title = one_line(editor.draft.preset), one_line(editor.base.title)
    box: Line = [(" ", "field"), (fit(name, 26), "strong field"), (" ▾ ", "dim field")]
    return [(" preset  ", "dim"), *box, (f"  {title}", "")]


def learning_rate(recipe: Recipe, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The learning rate over the whole run, as the schedule sets it."""
    points = max(2 * (width - 6), 2)
    rates = learning_rates(recipe, points)
    epochs = [recipe.epochs * i / (points - 1) for i in range(points)]
    x = x_axis(recipe.epochs, recipe.epochs)
    title = f"learning rate · {one_line(recipe.schedule.name)}"
    chart = Chart(title, (Series("", epochs, rates),), x, rate_axis(rates, height - 2))
    return [heading(title, width), *plot(chart, width, height - 1, ChartStyle(gutter=0, glyphs=glyphs))]


def estimates(notes: Sequence[tuple[str, str]], width: int, first: str = "") -> list[Line]:
    """The estimates for a start, below `first`, a warning about what was changed to make a start possible."""
    shrunk: list[Line] = [[(f" {part}", "warn")] for part in wrap(first, width - 2)]
    return [heading("before you start", width), *shrunk, *(clip([(" ", ""), note], width) for note in notes)]


def command(draft: Draft, width: int, height: int) -> list[Line]:
    """The command that starts the same run, in at most `height` lines, with an ellipsis where it is longer."""
    parts = wrap(one_line(draft.command_line()), width - COMMAND_INDENT - 2)
    shown = parts[: height - 1]
    if len(parts) > len(shown) and shown:
        shown[-1] += " …"
    head = heading("same thing as a command", width, [hints([("y", "copy")])])
    return [head, *([(" " if i == 0 else " " * COMMAND_INDENT, ""), (part, "")] for i, part in enumerate(shown))]


def field_help(editor: FormEditor, field: Field | None, width: int, height: int) -> list[Line]:
    """The problem or the help text of a field, under a heading that says how many fields differ from the preset."""
    count = editor.changed
    differ = "1 field differs" if count == 1 else f"{count} fields differ"
    title = f"{differ} from the preset" if count else "as in the preset"
    problem = (editor.problems.get(field.path, "") if field else "") or editor.problems.get("", "")
    reset = editor.describe_resets(field.path) if field and field.path in PART_FIELDS else ""
    text = problem or reset or (help_of(field) if field else "Enter shows or hides the fields that are rarely changed.")
    parts = wrap(one_line(text), width - 2)[: height - 1]
    return [
        heading(title, width, [hints([("u", "undo change")])]),
        *([(f" {part}", "bad" if problem else "")] for part in parts),
    ]
