"""The keys of Suites. A help text ends with the command that does the same."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key(
        "ctrl+s",
        "start",
        "run",
        "Queue the marked rows, or this one without marks; asks first (cifar-tui suites run NAME).",
        footer=1,
    ),
    Key("space", "mark", "mark", "Mark or unmark the row.", footer=2),
    Key("asterisk", "all", "all or none", "Remove all marks; if there are none, mark every row."),
    Key("t", "table", "table", "Choose another suite (cifar-tui suites list).", footer=3),
    Key(
        "x",
        "shrink",
        "shrink",
        "Run with fewer epochs or images (cifar-tui suites run NAME --epochs N --fraction F).",
        footer=4,
    ),
    Key("enter", "open", "open", "Open the row's newest run on the Dashboard (cifar-tui open RUN).", footer=5),
    Key("E", "edit", "edit as new", "Open the row in New run (cifar-tui --preset suite:NAME/ROW).", footer=6),
    Key("y", "copy", "copy", "Copy the report as Markdown (cifar-tui suites report NAME --format markdown).", footer=7),
)
