"""The keys of Compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, CHARTS, LISTS, in_line, take
from tui.keys.key import Key

_UNMARK: Final = "Remove the run under the cursor from the comparison."
_METRIC: Final = "Show the test loss, or the test accuracy again."
_X_UNIT: Final = "Next x axis: epochs, steps, minutes, part of the schedule."
_GROUP: Final = "Judge recipes by the means over their seeds, or models again (cifar-tui runs compare --by recipe)."
_CHARTS: Final = {"metric": _METRIC, "x_unit": _X_UNIT}

KEYS: Final = in_line(
    (
        *(replace(row, help=_CHARTS.get(row.action, row.help)) for row in CHARTS),
        Key("enter", "choose", "open", "Open the run under the cursor on the Dashboard (cifar-tui open RUN)."),
        *(replace(row, label="unmark", help=_UNMARK) for row in take(LISTS, "space")),
        *(replace(row, label="runs/recipes", help=_GROUP) for row in take(LISTS, "o")),
        Key("f", "fields", "fields", "List every field of the recipes, or only those that differ."),
        Key("tab", "lower", "lower pane", "Scroll the lower pane, or go back; on a small screen, show the next one."),
        Key(
            "d", "disagree", "disagree",
            "Show on which images the run and the baseline disagree (cifar-tui runs show RUN --tab disagree).",
        ),
        *take(ACTS, "N b i"),
        Key("y", "copy", "copy command", "Copy the command that prints this (cifar-tui runs compare RUN RUN)."),
        Key("W", "save", "save", "Save marks, baseline, axes and mode by name (cifar-tui compare save NAME RUN RUN)."),
        Key(
            "Y", "export", "export",
            "Save the figures as text, Markdown, LaTeX, TSV or SVG; copy text (cifar-tui runs compare --format md).",
        ),
    ),
    "m o b space N tab a x w z f left right enter i y",
)  # fmt: skip
