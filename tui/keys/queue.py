"""The keys of Queue."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, EXPORT, LISTS, in_line, take
from tui.keys.key import Key

_EXPORT: Final = (
    "Save the queue as SVG, text, Markdown, LaTeX, CSV or JSON (cifar-tui queue list --format md; --filter)."
)

KEYS: Final = in_line(
    (
        Key("enter", "open", "open", "Open the run on the Dashboard (cifar-tui open RUN)."),
        Key("X", "cancel", "cancel", "Remove a waiting run from the queue; asks first (cifar-tui queue cancel RUN)."),
        *take(ACTS, "S R"),
        *take(LISTS, "/ space *"),
        Key("y", "copy", "copy command", "Copy the command that repeats the run."),
        *(replace(row, help=_EXPORT) for row in EXPORT),
        Key("5", "suites", "suites", "Go to Suites, the published tables; 5 again returns here."),
    ),
    "enter X S R space 5 / *",
)
