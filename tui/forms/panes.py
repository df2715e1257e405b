"""The panes around the form: preset, learning rate, estimates, command, help. Pure functions that return lines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from engine.contract.recipe.resolve import PART_FIELDS
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.schedules import learning_rates
from tui.drawing.axes import rate_axis, x_axis
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.format import Glyphs
from tui.drawing.format import learning_rate as rate_text
from tui.drawing.lines import Line, Right, fit, heading, hints, wrap
from tui.drawing.plot import plot
from tui.forms.editor import FormEditor
from tui.forms.fields import Field
from tui.forms.notes import help_of
from tui.plans.draft import Draft

HEADED = 4
"""Lines from which the help of a field has its name as a heading."""
COMMAND_INDENT = 11
"""Indentation of further lines of a command in cells: below the first word after `cifar-tui`."""


def preset(editor: FormEditor) -> Line:
    """The name of the preset in its box, and its title."""
    name, title = one_line(editor.draft.preset), one_line(editor.base.title)
    box: Line = [(" ", "field"), (fit(name, 26), "strong field"), (" ▾ ", "dim field")]
    return [(" preset  ", "dim"), *box, (f"  {title}", "")]


def learning_rate(
    recipe: Recipe,
    width: int,
    height: int,
    glyphs: Glyphs,
    base: Recipe | None = None,
    *,
    base_name: str = "preset",
    color: bool = True,
) -> list[Line]:
    """The learning rate over the whole run, as the schedule sets it.

    Args:
        base: another recipe, whose learning rate is drawn behind it where it differs.
        base_name: what that is called in the heading.
    """
    points = max(2 * (width - 6), 2)
    rates = learning_rates(recipe, points)
    x = x_axis(recipe.epochs, recipe.epochs)
    title = f"learning rate · {one_line(recipe.schedule.name)}"
    series = [Curve("", _epochs(recipe, points), rates)]
    last = rate_text(rates[-1]) if rates[-1] > 1e-3 * max(rates) else "0"
    span = f"{rate_text(max(rates))} to {last} over {recipe.epochs:g} epochs"
    rights: list[Right] = [span]
    before = learning_rates(base, points) if base is not None else rates
    if base is not None and (before != rates or base.epochs != recipe.epochs):
        series.insert(0, Curve("", _epochs(base, points), before, role="baseline", kind="plain"))
        rights.insert(0, [(f"{span}   ", "dim"), (f"─ {base_name}", "baseline")])
    highest = max(max(one.points[1], default=0.0) for one in series)
    chart = Chart(title, tuple(series), x, rate_axis([highest], 2 * (height - 2) // 3))
    return [
        heading(title, width, rights),
        *plot(chart, width, height - 1, ChartStyle(gutter=0, glyphs=glyphs, color=color)),
    ]


def of_rates(recipe: Recipe) -> tuple[object, ...]:
    """What the learning rate of a recipe depends on."""
    return recipe.schedule, recipe.epochs, recipe.optimizer.options["lr"]


def _epochs(recipe: Recipe, points: int) -> list[float]:
    return [recipe.epochs * i / (points - 1) for i in range(points)]


def rate_finder(width: int, height: int) -> list[Line]:
    """What the rate finder does, before it has run."""
    text = (
        "A sweep trains this form for some hundred steps at rising learning rates and suggests two of them. "
        "It keeps nothing."
    )
    where = "The curve of the loss over the learning rate stands here, with the suggested rate."
    texts = (text, where, "Without the workbench: cifar-tui lr-find")
    lines: list[Line] = [[(f" {part}", "dim")] for words in texts for part in wrap(words, width - 2)]
    return [heading("rate finder", width, [hints([("f", "start")])]), *lines][:height]


def estimates(notes: Sequence[tuple[str, str]], width: int, first: str = "") -> list[Line]:
    """The estimates for a start, below `first`, a warning about what was changed to make a start possible."""
    shrunk: list[Line] = [[(f" {part}", "warn")] for part in wrap(first, width - 2)]
    note_lines: list[Line] = [[(f" {part}", role)] for text, role in notes for part in wrap(text, width - 2)]
    return [heading("before you start", width, ["~ is an estimate", "~ estimate"]), *shrunk, *note_lines]


def wrong(editor: FormEditor, width: int) -> list[Line]:
    """The first problem, and what follows from it; nothing where the form can start."""
    problem = one_line(next(iter(editor.problems.values()), ""))
    if not problem:
        return []
    others = f" and {len(editor.problems) - 1} more" if len(editor.problems) > 1 else ""
    ends = (f"{others}. Nothing starts until it is put right.", f"{others}. Nothing starts.")
    end = next((end for end in ends if cell_len(problem) + len(end) < width), ends[-1])
    return [[(f" {fit(problem, max(min(cell_len(problem), width - 1 - len(end)), 8))}{end}", "bad")]]


def command(draft: Draft, width: int, height: int) -> list[Line]:
    """The command that starts the same run, in at most `height` lines, with an ellipsis where it is longer."""
    parts = wrap(one_line(draft.command_line()), width - COMMAND_INDENT - 2)
    shown = parts[: height - 1]
    if len(parts) > len(shown) and shown:
        shown[-1] += " …"
    head = heading("same thing as a command", width, [hints([("y", "copy")])])
    return [head, *([(" " if i == 0 else " " * COMMAND_INDENT, ""), (part, "")] for i, part in enumerate(shown))]


def changed(editor: FormEditor, count: int, width: int, *, listed: bool, focused: bool = False) -> list[Line]:
    """The heading of the list of changes.

    Args:
        count: how many fields differ from the preset.
        listed: whether the list stands below it.
        focused: whether the keys go to the list.
    """
    name = one_line(editor.draft.preset, 24)
    if not count:
        return [heading("as in the preset" if width < 60 else f"as in the preset {name}", width)]
    differ = f"{count} {'field differs' if count == 1 else 'fields differ'} from "
    long, short = [("tab", "list"), ("x", "undo this"), ("u", "undo last")], [("u", "undo last")]
    rights: list[Right] = [hints(long, gap="   "), hints(long[1:], gap="   ")] if listed else []
    return [heading(f"{differ}{name}", width, [*rights, hints(short)], focused=focused)]


def help_text(editor: FormEditor, field: Field | None) -> tuple[str, str]:
    """The problem with a field, "" if there is none; and the text shown about it: the problem or the help."""
    problem = (editor.problems.get(field.path, "") if field else "") or editor.problems.get("", "")
    reset = editor.describe_resets(field.path) if field and field.path in PART_FIELDS else ""
    text = problem or reset or (help_of(field) if field else "Enter shows or hides the fields that are rarely changed.")
    return problem, text


def field_help(problem: str, text: str, field: Field | None, width: int, height: int) -> list[Line]:
    """What `help_text` says of a field, below its name where there are four lines or more."""
    named = height >= HEADED and field is not None
    parts = wrap(one_line(text), width - 2)[: height - named]
    lines: list[Line] = [[(f" {part}", "bad" if problem else "")] for part in parts]
    return [heading(field.label or "operations", width), *lines] if named and field is not None else lines
