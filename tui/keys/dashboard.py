"""The keys of Dashboard."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key(
        "m",
        "metric",
        "metric",
        "Next metric of the lower plot: loss, learning rate, images/s, gradient norm, update/weight.",
        footer=1,
    ),
    Key("a", "axis", "axis", "Next y axis: log error, log loss, linear.", footer=2),
    Key("x", "x_unit", "epoch/step/time", "Next x axis: epochs, steps, minutes.", footer=3),
    Key("z", "zoom", "zoom", "Show one plot on the whole screen; m changes it, z goes back.", footer=4),
    Key("comma", "other_run(-1)", "run", "The previous run.", footer=5),
    Key("full_stop", "other_run(1)", "run", "The next run.", footer=6),
    Key(
        "S",
        "stop",
        "stop",
        "Stop the run with a checkpoint, or kill it; asks first (cifar-tui runs stop RUN).",
        footer=7,
    ),
    Key("C", "resume", "resume", "Resume a run that has stopped; asks first (cifar-tui runs resume RUN).", footer=7),
    Key("E", "edit", "edit as new", "Open the run's recipe in New run (cifar-tui --preset run:RUN).", footer=8),
    Key("w", "smooth", "smooth", "Smooth the curves more, then not at all; the heading shows the weight.", footer=9),
    Key("f", "follow", "follow", "Always show the newest live run; again: stop following.", footer=10),
    Key("l", "log", "log", "Open the whole log, with search (cifar-tui runs logs RUN).", footer=11),
    Key("slash", "search", "search", "Search the log."),
    Key("b", "baseline", "baseline", "Make this run the baseline of all curves and differences; again: no baseline."),
    Key("space", "mark", "mark", "Mark or unmark the run for comparison."),
    Key("v", "compare", "compare", "Compare the marked runs (cifar-tui runs compare RUN RUN)."),
    Key("i", "inspect", "inspect", "Show which classes the run confuses."),
    Key("R", "rerun", "re-run", "Start the same recipe and seed again; asks first (cifar-tui --preset run:RUN)."),
    Key("y", "copy", "copy", "Copy the command that repeats the run."),
)
