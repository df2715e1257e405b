"""Families of keys: a key means the same on every screen that has it, so each is written once, here.

A screen takes the rows that it can carry out; see `take`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from tui.keys.key import Key

LISTS: Final = (
    Key("slash", "filter", "filter", "Filter as you type: acc>0.95 model:resnet34 (cifar-tui runs list --filter)."),
    Key("space", "mark", "mark", "Mark or unmark the row: marked runs are compared, and keep a color and a mark."),
    Key("asterisk", "all", "all or none", "Remove all marks; if there are none, mark every row shown."),
    Key("s", "sort", "sort", "Sort by another column; a click on its head does the same."),
    Key("r", "reverse", "reverse", "Reverse the order."),
    Key("c", "columns", "columns", "Choose the columns; the choice is kept."),
    Key("o", "group", "by recipe", "Group the runs by recipe, with the mean of each group; again: ungroup."),
    Key("p", "pin", "pin", "Keep the run at the top of the list; again: let it go (cifar-tui runs pin RUN)."),
)
"""Lists of runs, on top of the keys that move in every list."""

CHARTS: Final = (
    Key("m", "metric", "metric", "Next metric."),
    Key("a", "axis", "axis", "Next y axis: log error, log loss, linear."),
    Key("x", "x_unit", "epoch/step/time", "Next x axis: epochs, steps, minutes."),
    Key("w", "smooth", "smooth", "Smooth the curves more, then not at all; the heading shows the weight."),
    Key("z", "zoom", "zoom", "Show one plot on the whole screen; m changes it, z goes back."),
    Key("left,left_square_bracket", "cursor(-1)", "cursor", "Read all charts at the epoch before: move their cursor."),
    Key("right,right_square_bracket", "cursor(1)", "cursor", "Read all charts at the next epoch: move their cursor."),
    Key("shift+left,left_curly_bracket", "cursor(-10)", "cursor by ten", "Move the cursor ten epochs to the left."),
    Key("shift+right,right_curly_bracket", "cursor(10)", "cursor by ten", "Move the cursor ten epochs to the right."),
    Key("plus,equals_sign", "y_zoom(1)", "y zoom in", "Show a smaller range of the y axis."),
    Key("minus", "y_zoom(-1)", "y zoom out", "Show a larger range of the y axis."),
    Key("r", "x_range", "x range", "Show the whole run, its last half, or its last fifth."),
    Key("0", "reset_view", "reset view", "Show the chart as it was first: no cursor, no zoom, the whole run."),
)
"""Screens with curves."""

ACTS: Final = (
    Key("S", "stop", "stop", "Stop the run with a checkpoint, or kill it; asks first (cifar-tui runs stop RUN)."),
    Key("C", "resume", "resume", "Resume a run that has stopped; asks first (cifar-tui runs resume RUN)."),
    Key("R", "rerun", "run again", "Start the same recipe and seed again; asks first (cifar-tui --preset run:RUN)."),
    Key(
        "N",
        "seeds",
        "more seeds",
        "Queue a fixed number of seeds of the recipe and store it as a plan; asks first (cifar-tui runs seeds RUN).",
    ),
    Key("E", "edit", "edit as new", "Open the run's recipe in New run (cifar-tui --preset run:RUN)."),
    Key("D", "delete", "delete", "Move the run to the trash; asks first, and u restores it (cifar-tui runs rm RUN)."),
    Key("t", "tags", "tags", "Set the run's tags (cifar-tui runs tag RUN TAG)."),
    Key("e", "note", "note", "Write a note (cifar-tui runs note RUN TEXT)."),
    Key(
        "O",
        "exclude",
        "leave out",
        "Leave the run out of means, verdicts and grids, for a reason; without one it counts again "
        "(cifar-tui runs exclude RUN --why TEXT, runs include RUN).",
    ),
    Key("b", "baseline", "baseline", "Make the run the baseline of all curves and differences; again: no baseline."),
    Key("v", "compare", "compare", "Compare the marked runs (cifar-tui runs compare RUN RUN)."),
    Key("i", "inspect", "inspect", "Show which classes the run confuses."),
    Key("l", "log", "log", "Open the whole log, with search (cifar-tui runs logs RUN)."),
)
"""Acts on the run under the cursor."""

EXPORT: Final = (
    Key(
        "Y",
        "export",
        "export",
        "Save the charts and tables as SVG, text, Markdown, LaTeX, CSV or JSON "
        "(cifar-tui runs show RUN --format md; --svg FILE).",
    ),
)
"""Screens with charts or tables."""

OTHER_RUN: Final = (
    Key("comma", "other_run(-1)", "run", "The previous run in the list of Results."),
    Key("full_stop", "other_run(1)", "run", "The next run in the list of Results."),
)
"""Screens that show one run."""


def take(family: Sequence[Key], keys: str) -> tuple[Key, ...]:
    """Some rows of a family, named by their first displayed keys: take(CHARTS, "m a x")."""
    wanted = keys.split()
    found = tuple(row for row in family if row.names[0] in wanted)
    assert len(found) == len(wanted), (keys, found)
    return found


def in_line(rows: Iterable[Key], keys: str) -> tuple[Key, ...]:
    """The rows, with ranks in the key line for those named, in that order: in_line(rows, "enter space v").

    Keys joined by a bar share one place, for rows of which only one applies at a time: "S|C".
    """
    rank = {key: place for place, group in enumerate(keys.split(), 1) for key in group.split("|")}
    return tuple(replace(row, footer=rank.get(row.names[0], 0)) for row in rows)
