"""What New run draws around the form: preset, schedule, estimates, command, advice. Pure functions to lines."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.schedules import learning_rates
from tui.drawing.axes import value_axis, x_axis
from tui.drawing.charts import ChartStyle, Series, chart
from tui.drawing.format import Glyphs
from tui.drawing.lines import Line, clip, fit, rule, wrap
from tui.forms.editor import FormEditor
from tui.forms.fields import Field
from tui.forms.rows import help_of
from tui.plans.draft import Draft

COMMAND_INDENT = 11
"""Cells before the second line of a command: it stands under the first word behind `cifar-tui`."""


def preset(editor: FormEditor) -> Line:
    """The preset's name in its box and its title."""
    name, title = one_line(editor.draft.preset), one_line(editor.base.title)
    return [(" preset ", ""), ("[ ", "dim"), (fit(name, 26), "strong"), (" ▾]", "dim"), (f"  {title}", "dim")]


def learning_rate(recipe: Recipe, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The learning rate over the whole run, as the schedule will set it."""
    points = max(2 * (width - 6), 2)
    rates = learning_rates(recipe, points)
    epochs = [recipe.epochs * i / (points - 1) for i in range(points)]
    x = x_axis(recipe.epochs, recipe.epochs, width)
    y = value_axis([rates], height - 3)
    style = ChartStyle(gutter=0, tick_width=max(len(name) for _, name in y.ticks), glyphs=glyphs)
    plot = chart([Series("", epochs, rates)], width, height - 1, x, y, style)
    return [rule(f"learning rate · {one_line(recipe.schedule.name)}", width), *plot]


def estimates(notes: Sequence[tuple[str, str]], width: int, first: str = "") -> list[Line]:
    """What a start would cost; above it, in as many lines as it takes, `first`: what was changed to allow a start."""
    shrunk: list[Line] = [[(f" {part}", "warn")] for part in wrap(first, width - 2)]
    return [rule("before you start", width), *shrunk, *(clip([(" ", ""), note], width) for note in notes)]


def command(draft: Draft, width: int, height: int) -> list[Line]:
    """The command that does the same, in as many lines as there are; an ellipsis where it is longer."""
    parts = wrap(one_line(draft.command_line()), width - COMMAND_INDENT - 2)
    shown = parts[: height - 1]
    if len(parts) > len(shown) and shown:
        shown[-1] += " …"
    heading = rule("same thing as a command", width, "y copy")
    return [heading, *([(" " if i == 0 else " " * COMMAND_INDENT, ""), (part, "")] for i, part in enumerate(shown))]


def field_help(editor: FormEditor, field: Field | None, width: int, height: int) -> list[Line]:
    """What the field is and takes, or what is wrong with it; above it, how much was changed."""
    count = editor.changed
    title = f"changed {count} field{'' if count == 1 else 's'} against the preset" if count else "as in the preset"
    problem = (editor.problems.get(field.path, "") if field else "") or editor.problems.get("", "")
    reset = editor.describe_resets(field.path) if field and field.path in PART_FIELDS else ""
    text = problem or reset or (help_of(field) if field else "Enter shows or hides the fields that are rarely changed.")
    parts = wrap(one_line(text), width - 2)[: height - 1]
    return [rule(title, width, "u undo change"), *([(f" {part}", "bad" if problem else "")] for part in parts)]
