"""Recipe and Log: the fields of the recipe, and the messages of the run."""

from __future__ import annotations

from typing import Final

from engine.contract.text import one_line
from tui.dashboard.log import log_lines
from tui.drawing.lines import Line, heading, hints, wrap
from tui.drawing.log_tail import log_table
from tui.drawing.overview_tables import origin_command
from tui.drawing.typeset import Table
from tui.inspection.fact_tables import recipe_table
from tui.inspection.facts import Facts
from tui.inspection.overview_tab import log_pane, recipe_pane
from tui.inspection.tab import Canvas, Tab

MOST_LINES: Final = 2000
"""Lines of the log that are drawn at most; the screen of `l` on the Dashboard has all of them, with a search."""


class RecipeTab(Tab):
    """Every field of the recipe, in the names that `--set` takes, and what was changed from the preset."""

    title = "Recipe"
    short = "Rec"

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        run = facts.overview.run
        label, command = origin_command(facts.overview)
        repeat: Line = [(f" {label:<8}", "dim"), (command, "")]
        if run.layout and facts.view.recipe is None:
            reason = f"imported ({one_line(run.layout)}), so its recipe is unknown"
            return [heading("recipe", canvas.width), [(f" {reason}", "dim")], repeat]
        changes = "" if run.changes in ("", "-") else run.changes
        lines = [heading("changed from the preset", canvas.width, [hints([("E", "edit as new")])])]
        words = changes or f"nothing: this is {run.recipe_name} as it stands"
        lines += [[(f" {part}", "mark" if changes else "dim")] for part in wrap(words, canvas.width - 2)]
        recipe = facts.kept.get("every field", canvas, lambda: recipe_pane(facts, canvas.width))
        return [*lines, repeat, *canvas.air, *recipe]

    def tables(self, facts: Facts) -> list[Table]:
        return [recipe_table(facts)]


class LogTab(Tab):
    """The messages of the run, the newest first."""

    title = "Log"
    short = "Log"

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        return facts.kept.get("log", canvas, lambda: log_pane(facts, canvas.width, MOST_LINES))

    def tables(self, facts: Facts) -> list[Table]:
        return [log_table(log_lines(facts.view.history, wide=True))]
