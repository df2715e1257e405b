"""The keys of Compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, CHARTS, LISTS, in_line, take
from tui.keys.key import Key

_UNMARK: Final = "Remove the run under the cursor from the comparison."

KEYS: Final = in_line(
    (
        *take(CHARTS, "m a x w z"),
        Key("enter", "choose", "open", "Open the run under the cursor on the Dashboard (cifar-tui open RUN)."),
        *(replace(row, label="unmark", help=_UNMARK) for row in take(LISTS, "space")),
        *take(ACTS, "b i"),
        Key("y", "copy", "copy command", "Copy the command that prints this (cifar-tui runs compare RUN RUN)."),
    ),
    "m a x z b space enter w i",
)
