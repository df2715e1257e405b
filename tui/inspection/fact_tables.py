"""What several tabs of Inspect show of a run, as tables: the difference to the baseline, the recipe, and the log."""

from __future__ import annotations

from engine.analysis.compare import fields
from engine.contract.text import one_line
from tui.drawing.format import counted, delta, whole
from tui.drawing.overview_tables import origin_command
from tui.drawing.typeset import FIGURES, Column, Table
from tui.drawing.verdict_words import range_text
from tui.inspection.facts import Facts

DIFFERENCE, AT, INTERVAL = "difference, points", "taken at", "95 % interval"
IMAGES, NOT_PAIRED = "images that both were tested on", "not paired"


def baseline_table(facts: Facts) -> Table | None:
    """The difference to the baseline, and its interval on the images of both; None without a baseline.

    There are no rows if the two have no epoch to be compared at.
    """
    base, found = facts.baseline, facts.against
    if base is None or found is None:
        return None
    difference, epoch, base_epoch = facts.view.against(base)
    rows = [
        (DIFFERENCE, delta(difference, 2)),
        (AT, f"epoch {epoch}" if epoch == base_epoch else "the end of each run"),
        (INTERVAL, range_text(found.interval) if found.interval else ""),
        (IMAGES, whole(found.images) if found.interval else ""),
        (NOT_PAIRED, "" if found.interval else found.why),
    ]
    return Table(f"against the baseline {base.short_id}", FIGURES, tuple(row for row in rows if row[1] and epoch))


def recipe_table(facts: Facts) -> Table:
    """Every field of the recipe; above it what was changed from the preset, below it the command that repeats the run.

    There are no rows if the recipe is not known.
    """
    run, recipe = facts.overview.run, facts.view.recipe
    changes = "nothing" if run.changes in ("", "-") else run.changes
    lead = unknown(facts) if recipe is None else f"changed from the preset: {changes}"
    rows = [] if recipe is None else [(path, one_line(value)) for path, value in fields(recipe).items()]
    command = ": ".join(origin_command(facts.overview))
    title = f"recipe, {counted(len(rows), 'field')}"
    return Table(title, (Column("field"), Column("value", wraps=True)), tuple(rows), (lead,), (command,))


def unknown(facts: Facts) -> str:
    """Why the recipe is not known."""
    return "it was imported without its recipe" if facts.overview.run.layout else "it cannot be read by this version"
