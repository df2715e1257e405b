"""The keys of Compare."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("m", "metric", "metric", "Overlay test accuracy or test loss.", footer=1),
    Key("a", "axis", "axis", "The next kind of axis: log error, log loss, linear.", footer=2),
    Key("x", "x_unit", "epoch/step/time", "The x axis counts epochs, steps or minutes.", footer=3),
    Key("w", "smooth", "smooth", "Smooth the curves more, then not at all; the heading says how much.", footer=8),
    Key("z", "zoom", "zoom", "The plot over the whole screen.", footer=4),
    Key("b", "baseline", "baseline", "Make the run under the cursor the baseline; again: none.", footer=5),
    Key("space", "mark", "unmark", "Take the run under the cursor out of the comparison.", footer=6),
    Key("enter", "choose", "open", "Open the run under the cursor on the Dashboard (cifar-tui open RUN).", footer=7),
    Key("y", "copy", "copy", "Copy the command that prints this comparison (cifar-tui runs compare RUN RUN)."),
)
