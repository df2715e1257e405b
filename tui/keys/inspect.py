"""The keys of Inspect."""

from __future__ import annotations

from typing import Final

from tui.keys.families import ACTS, OTHER_RUN, in_line, take
from tui.keys.key import Key

KEYS: Final = in_line(
    (
        Key("n", "numbers", "counts/percent", "Switch between image counts and percent of the class."),
        *OTHER_RUN,
        Key("j,down", "scroll(1)", "scroll down", "Scroll down, as the wheel does."),
        Key("k,up", "scroll(-1)", "scroll up", "Scroll up, as the wheel does."),
        *take(ACTS, "R E D t e b"),
        Key("y", "copy", "copy command", "Copy the command that opens the run (cifar-tui open RUN)."),
    ),
    "n , . E R t b",
)
