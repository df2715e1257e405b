"""The keys of Suites. A help text ends with the command that does the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, EXPORT, LISTS, in_line, take
from tui.keys.key import Key, moved

_EXPORT: Final = (
    "Save figure and tables as SVG, text, Markdown, LaTeX, CSV or JSON "
    "(cifar-tui suites report NAME --format latex; --figure FILE)."
)
_LISTS: Final = {
    "filter": "Filter as you type: the rows with all of these words in their id, title or note.",
    "mark": "Mark or unmark the row: ctrl+s queues the marked rows.",
    "sort": "Sort by another column: as published, reported, measured, their difference, or the number of runs.",
}

KEYS: Final = in_line(
    (
        Key("enter", "open", "open", "Open the row's newest run on the Dashboard (cifar-tui open RUN)."),
        Key(
            "ctrl+s", "start", "run",
            "Queue the marked rows, or this one without marks; asks first (cifar-tui suites run NAME).",
        ),
        *(replace(row, help=_LISTS.get(row.action, row.help)) for row in take(LISTS, "/ space * s r")),
        Key("p", "pick", "pick a suite", "Choose another suite (cifar-tui suites list)."),
        Key(
            "x", "shrink", "shrink",
            "Run with fewer epochs or images (cifar-tui suites run NAME --epochs N --fraction F).",
        ),
        *take(ACTS, "E"),
        Key(
            "y", "copy", "copy report",
            "Copy the report as Markdown (cifar-tui suites report NAME --format markdown).",
        ),
        *(replace(row, help=_EXPORT) for row in EXPORT),
        Key("5", "queue", "queue", "Go to Queue."),
    ),
    "ctrl+s space p x enter E 5 y / s",
)  # fmt: skip

MOVED: Final = (moved("t", "p picks another suite"),)
