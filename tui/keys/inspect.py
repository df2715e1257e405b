"""The keys of Inspect."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("n", "numbers", "counts/percent", "Switch between image counts and percent of the class.", footer=1),
    Key("comma", "other_run(-1)", "run", "The previous run.", footer=2),
    Key("full_stop", "other_run(1)", "run", "The next run.", footer=3),
    Key("j,down", "scroll(1)", "down", "Scroll down."),
    Key("k,up", "scroll(-1)", "up", "Scroll up."),
    Key("y", "copy", "copy", "Copy the command that opens the run (cifar-tui open RUN)."),
)
