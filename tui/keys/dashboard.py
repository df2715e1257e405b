"""The keys of Dashboard."""

from __future__ import annotations

from typing import Final

from tui.keys.key import Key

KEYS: Final = (
    Key(
        "m", "metric", "metric", "The lower plot shows the next metric: loss, learning rate, images/s, norms.", footer=1
    ),
    Key("a", "axis", "axis", "The next kind of axis: log error, log loss, linear.", footer=2),
    Key("x", "x_unit", "epoch/step/time", "The x axis counts epochs, steps or minutes.", footer=3),
    Key("z", "zoom", "zoom", "One plot over the whole screen; m changes it, z again goes back.", footer=4),
    Key("comma", "other_run(-1)", "run", "The previous run.", footer=5),
    Key("full_stop", "other_run(1)", "run", "The next run.", footer=6),
    Key("S", "stop", "stop", "Stop the run with a checkpoint, or kill it; asks (cifar-tui runs stop RUN).", footer=7),
    Key("C", "resume", "resume", "Continue a run that has stopped; asks (cifar-tui runs resume RUN).", footer=7),
    Key("E", "edit", "edit as new", "Open the run's recipe in New run (cifar-tui --preset run:RUN).", footer=8),
    Key("w", "smooth", "smooth", "Smooth the curves more, then not at all; the heading says how much.", footer=9),
    Key("f", "follow", "follow", "Always show the newest live run.", footer=10),
    Key("l", "log", "log", "The whole log, with search (cifar-tui runs logs RUN).", footer=11),
    Key("slash", "search", "search", "Search the log."),
    Key("b", "baseline", "baseline", "Make this run the baseline of all curves and differences; again: none."),
    Key("space", "mark", "mark", "Mark or unmark the run for comparison."),
    Key("v", "compare", "compare", "Compare the marked runs (cifar-tui runs compare RUN RUN)."),
    Key("i", "inspect", "inspect", "What the run confuses with what."),
    Key("R", "rerun", "re-run", "Start the same recipe and seed again; asks (cifar-tui --preset run:RUN)."),
    Key("y", "copy", "copy", "Copy the command that repeats the run."),
)
