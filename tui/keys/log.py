"""The keys of the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import EXPORT
from tui.keys.key import Key

_EXPORT: Final = (
    "Save the messages as text, Markdown, LaTeX, CSV or JSON, or the raw output as text "
    "(cifar-tui runs show RUN --tab log --format md; runs logs RUN)."
)

KEYS: Final = (
    Key("slash", "search", "search", "Find lines that contain a text.", footer=1),
    Key("n", "find(1)", "next", "Go to the next match.", footer=2),
    Key("N", "find(-1)", "previous", "Go to the previous match.", footer=3),
    Key("f", "follow", "follow", "Keep showing the newest lines while the run continues.", footer=4),
    Key("r", "raw", "raw output", "Switch between the messages of the run and its raw output (log.txt).", footer=5),
    Key("y", "copy", "copy command", "Copy the command that prints this (cifar-tui runs show RUN --tab log)."),
    *(replace(row, help=_EXPORT) for row in EXPORT),
    Key("q,escape,l", "app.pop_screen", "back", "Go back to where the log was opened.", footer=98),
)
