"""The keys of Dashboard."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, CHARTS, EXPORT, LISTS, OTHER_RUN, in_line, take
from tui.keys.key import Key

_METRIC: Final = "Next metric of the lower plot: loss, learning rate, images/s, gradient norm, update/weight."

KEYS: Final = in_line(
    (
        *(replace(row, help=_METRIC) if row.action == "metric" else row for row in CHARTS),
        *OTHER_RUN,
        Key("f", "follow", "follow", "Always show the newest live run; again: stop following."),
        Key(
            "d", "every_gpu", "every GPU", "With more than three GPUs: a line for each; again: their sum and the worst."
        ),
        Key("slash", "search", "search log", "Search the log."),
        *take(LISTS, "space"),
        *ACTS,
        Key("y", "copy", "copy command", "Copy the command that repeats the run."),
        *EXPORT,
    ),
    "m a x z , . S|C E w f l left right",
)
