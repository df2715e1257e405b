"""The keys of Results. A help text ends with the command that does the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, EXPORT, LISTS, in_line
from tui.keys.key import Key

_DELETE: Final = (
    "Move the run to the trash, or all marked ones; asks first, and u restores them (cifar-tui runs rm RUN)."
)
_EXPORT: Final = (
    "Save the table as SVG, text, Markdown, LaTeX, CSV or JSON (cifar-tui runs table --by run --format md)."
)

KEYS: Final = in_line(
    (
        Key("enter", "open", "open", "Open the run on the Dashboard (cifar-tui open RUN)."),
        *LISTS,
        Key(
            "V", "comparisons", "comparisons", "Choose a saved comparison to show in Compare (cifar-tui compare NAME)."
        ),
        *(replace(row, help=_DELETE) if row.key == "D" else row for row in ACTS),
        Key("y", "copy", "copy command", "Copy the command that repeats the run."),
        *(replace(row, help=_EXPORT) for row in EXPORT),
    ),
    "enter space v / b S|C t e R s E c D i",
)
