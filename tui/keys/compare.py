"""The keys of Compare."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key("m", "metric", "metric", "Switch between test accuracy and test loss.", footer=1),
    Key("a", "axis", "axis", "Next y axis: log error, log loss, linear.", footer=2),
    Key("x", "x_unit", "epoch/step/time", "Next x axis: epochs, steps, minutes.", footer=3),
    Key("w", "smooth", "smooth", "Smooth the curves more, then not at all; the heading shows the weight.", footer=8),
    Key("z", "zoom", "zoom", "Show the plot on the whole screen; again: go back.", footer=4),
    Key("b", "baseline", "baseline", "Make the run under the cursor the baseline; again: no baseline.", footer=5),
    Key("space", "mark", "unmark", "Remove the run under the cursor from the comparison.", footer=6),
    Key("enter", "choose", "open", "Open the run under the cursor on the Dashboard (cifar-tui open RUN).", footer=7),
    Key("y", "copy", "copy", "Copy the command that prints this comparison (cifar-tui runs compare RUN RUN)."),
)
