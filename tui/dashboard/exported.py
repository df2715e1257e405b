"""Everything that the panes of the Dashboard show, as the charts and tables that they are drawn from.

Exports write these, and `runs show` prints them of one run: then there is no list of runs, and no second run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from engine.analysis.standing import Standing
from engine.contract.run.status import Status
from tui.dashboard import panels
from tui.dashboard.classes import class_rows, worst_mistake
from tui.dashboard.curves import accuracy_curves, lower_curves, rate_curve
from tui.dashboard.health import health_table
from tui.dashboard.log import log_lines
from tui.dashboard.options import METRICS, Frame
from tui.dashboard.scene import Scene
from tui.dashboard.third import second_chart
from tui.dashboard.view import RunView
from tui.drawing.also_running import others_table
from tui.drawing.charts import Chart
from tui.drawing.format import NONE, learning_rate, percent
from tui.drawing.log_tail import log_table
from tui.drawing.machine_table import devices_table
from tui.drawing.per_class import per_class_table
from tui.drawing.runs_here import runs_here_table
from tui.drawing.sheet import Sheet
from tui.drawing.status_line import status_table
from tui.drawing.typeset import FIGURES, Table

_FRAME: Final = Frame(120, 30)
"""The cells that titles and summaries are worded for."""


def scene_of(view: RunView, status: Status, base: RunView | None = None, siblings: Sequence[Standing] = ()) -> Scene:
    """What the Dashboard shows of a run alone, beside a baseline and the runs of its recipe."""
    return Scene(view, status, base, siblings, panels.planned_rates(view))


def sheet_of(scene: Scene, now: float) -> Sheet:
    """The charts and tables of all panes; `now` in unix seconds."""
    return Sheet(f"run-{scene.view.run.id}", charts(scene), tables(scene, now))


def charts(scene: Scene) -> list[Chart]:
    """The accuracy, every metric of the lower chart, the learning rate of the whole run, and the second run."""
    view, look = scene.view, scene.look
    options = replace(scene.options, cursor=0)
    lower = [
        lower_curves(view, replace(options, metric=metric), _FRAME, look, base=scene.base)
        for metric in METRICS
        if metric != "learning rate"
    ]
    found = [accuracy_curves(view, scene.base, options, _FRAME, look), *lower, rate_curve(view, scene.rates, look)]
    return [*found, second_chart(scene.second, options, _FRAME)] if scene.second else found


def tables(scene: Scene, now: float) -> list[Table]:
    """Progress, accuracy, accuracy per class, devices, health, the log, and what is shown of other runs."""
    view = scene.view
    found = [
        status_table(panels.headline(view, scene.state, now, scene.look), panels.progress(view, scene.state, now)),
        _accuracy(view),
        per_class_table(class_rows(view, scene.base), note=worst_mistake(view.history)),
        devices_table(panels.machine(view, 0)),
        health_table(view, scene.base, scene.siblings),
        log_table(log_lines(view.history, wide=True)),
    ]
    found += [others_table(scene.others)] if scene.others else []
    found += [runs_here_table(scene.here)] if scene.here else []
    if scene.second is not None:
        other = scene.second.view
        found.append(devices_table(panels.machine(other, 0), f"devices of {other.short_id}"))
        found.append(log_table(log_lines(other.history, wide=True), f"log of {other.short_id}"))
    return found


def _accuracy(view: RunView) -> Table:
    """What the headings of the charts say, and what their stars mean."""
    rows = [
        ("last accuracy, %", percent(view.last_accuracy)),
        (f"best accuracy on {view.best_on}, %" if view.best_on else "best accuracy, %", percent(view.best_accuracy)),
        ("best epoch", str(view.best_epoch or NONE)),
        ("learning rate", learning_rate(view.learning_rate)),
    ]
    notes = panels.footnotes(view)
    return Table("accuracy", FIGURES, tuple(rows), legend=(notes,) if notes else ())
