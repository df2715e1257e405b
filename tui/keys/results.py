"""The keys of Results. A help text ends with the command that does the same."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("enter", "open", "open", "Open the run on the Dashboard (cifar-tui open RUN).", footer=1),
    Key("space", "mark", "mark", "Mark or unmark the run for comparison.", footer=2),
    Key("v", "compare", "compare", "Compare the marked runs (cifar-tui runs compare RUN RUN).", footer=3),
    Key("i", "inspect", "inspect", "Show which classes the run confuses.", footer=14),
    Key(
        "b",
        "baseline",
        "baseline",
        "Make the run the baseline of all curves and differences; again: no baseline.",
        footer=6,
    ),
    Key(
        "slash",
        "filter",
        "filter",
        "Filter as you type: acc>0.95 model:resnet34 tag:paper (cifar-tui runs list --filter).",
        footer=5,
    ),
    Key("s", "sort", "sort", "Sort by another column.", footer=10),
    Key("r", "reverse", "reverse", "Reverse the order."),
    Key("o", "group", "by recipe", "Group the runs by recipe, with the mean of each group; again: ungroup."),
    Key("c", "columns", "columns", "Choose the columns; the choice is kept.", footer=12),
    Key("p", "pin", "pin", "Keep the run at the top of the list; again: let it go (cifar-tui runs pin RUN)."),
    Key("asterisk", "all", "all or none", "Remove all marks; if there are none, mark every run shown."),
    Key("t", "tags", "tags", "Set the run's tags (cifar-tui runs tag RUN TAG).", footer=7),
    Key("e", "note", "note", "Write a note (cifar-tui runs note RUN TEXT).", footer=8),
    Key(
        "O",
        "exclude",
        "leave out",
        "Leave the run out of means, verdicts and grids for a reason, or let it count again "
        "(cifar-tui runs exclude RUN --why TEXT, runs include RUN).",
    ),
    Key("y", "copy", "copy", "Copy the command that repeats the run."),
    Key(
        "S",
        "stop",
        "stop",
        "Stop the run with a checkpoint, or kill it; asks first (cifar-tui runs stop RUN, runs kill RUN).",
        footer=4,
    ),
    Key("C", "resume", "resume", "Resume a run that has stopped; asks first (cifar-tui runs resume RUN).", footer=4),
    Key(
        "R",
        "rerun",
        "re-run",
        "Start the same recipe and seed again; asks first (cifar-tui --preset run:RUN).",
        footer=9,
    ),
    Key("E", "edit", "edit as new", "Open the run's recipe in New run (cifar-tui --preset run:RUN).", footer=11),
    Key(
        "D",
        "delete",
        "delete",
        "Move the run to the trash, or all marked runs; asks first (cifar-tui runs rm RUN).",
        footer=13,
    ),
)
