"""Everything that the panes of the Dashboard show of one run, as the charts and tables that exports read."""

from __future__ import annotations

import math
from typing import Final

from engine.contract.run.status import Status
from tui.dashboard import panels
from tui.dashboard.classes import class_names, class_rows, evaluated_by_class
from tui.dashboard.curves import accuracy_curves, lower_curves, rate_curve
from tui.dashboard.log import log_lines, log_table
from tui.dashboard.options import METRICS, Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.charts import Chart
from tui.drawing.format import NONE, clock, delta, duration, gigabytes, learning_rate, number, percent, whole
from tui.drawing.machine import Gpu, Machine, places
from tui.drawing.per_class import worst_confusion
from tui.drawing.typeset import Column, Table

_FRAME: Final = Frame(120, 30)
"""The cells that titles and summaries are worded for."""
_FACTS: Final = (Column("figure"), Column("value", right=True))


def charts(view: RunView) -> list[Chart]:
    """The accuracy, every metric of the lower chart, and the learning rate of the whole run."""
    options = [Options(metric=metric) for metric in METRICS if metric != "learning rate"]
    lower = [lower_curves(view, one, _FRAME) for one in options]
    return [accuracy_curves(view, None, Options(), _FRAME), *lower, rate_curve(view, panels.planned_rates(view))]


def tables(view: RunView, status: Status, now: float) -> list[Table]:
    """Progress, accuracy per class, devices, health, and the log."""
    return [
        _progress(view, status, now),
        _classes(view),
        _devices(panels.machine(view, 0)),
        _health(view),
        log_table(log_lines(view.history, wide=True)),
    ]


def _progress(view: RunView, status: Status, now: float) -> Table:
    at = panels.progress(view, status, now)
    rows = [
        ("epoch", str(at.epoch)),
        ("epochs", str(at.epochs)),
        ("percent", str(int(100 * min(at.done / at.epochs, 1.0))) if at.epochs else NONE),
        ("step", str(at.step)),
        ("steps per epoch", str(at.steps)),
        ("images per second", whole(at.images_per_second)),
        ("time per epoch", duration(at.seconds_per_epoch)),
        ("took", duration(at.took)),
        ("left", duration(at.left)),
        ("done at", NONE if math.isnan(at.left) else clock(now + at.left, seconds=False)),
        ("last accuracy, %", percent(view.last_accuracy)),
        (f"best accuracy on {view.best_on}, %" if view.best_on else "best accuracy, %", percent(view.best_accuracy)),
        ("best epoch", str(view.best_epoch or NONE)),
        ("learning rate", learning_rate(view.learning_rate)),
    ]
    return Table("progress", _FACTS, tuple(rows))


def _classes(view: RunView) -> Table:
    tested = evaluated_by_class(view.history)[:1]
    rows = [(row.name, percent(row.accuracy, 1), delta(row.change)) for row in class_rows(view)]
    note = worst_confusion(tested[0].confused, class_names(view.history)) if tested else ""
    heads = (Column("class"), Column("last, %", right=True), Column("change, points", right=True))
    return Table("per class", heads, tuple(rows), legend=(f"worst {note}",) if note else ())


def _devices(machine: Machine) -> Table:
    total = sum(machine.step_ms.values())
    spent = sum(second for second in machine.seconds.values() if second > 0)
    rows = [row for gpu, place in zip(machine.gpus, places(machine.gpus), strict=True) for row in _gpu(gpu, place)]
    rows += [
        ("peak memory of the run, GB", gigabytes(machine.peak_ours, 1)),
        ("CPU use, %", percent(machine.cpu, 0)),
        ("memory of the host in use, GB", gigabytes(machine.ram_used)),
        ("memory of the host, GB", gigabytes(machine.ram_total)),
        ("memory of the host used by the run, GB", gigabytes(machine.ram_ours, 1)),
        ("disk free, GB", gigabytes(machine.disk_free)),
        *((f"{part}, % of a step", f"{100 * ms / total:.0f}") for part, ms in machine.step_ms.items() if total > 0),
        *((f"{phase}, % of an epoch", percent(took / spent, 0)) for phase, took in machine.seconds.items() if spent),
    ]
    return Table("devices", _FACTS, tuple(rows), legend=tuple(filter(None, (machine.device, machine.note))))


def _gpu(gpu: Gpu, place: str) -> list[tuple[str, str]]:
    name = f"GPU {place}"

    def whole_number(value: float) -> str:
        return NONE if math.isnan(value) else f"{value:.0f}"

    return [
        (name, gpu.name),
        (f"{name}, use, %", percent(gpu.utilization, 0)),
        (f"{name}, memory used, GB", gigabytes(gpu.memory_used, 1)),
        (f"{name}, memory, GB", gigabytes(gpu.memory_total)),
        (f"{name}, memory of the run, GB", gigabytes(gpu.memory_ours, 1)),
        *((f"{name}, memory of {user}, {program}, GB", gigabytes(size, 1)) for user, program, size in gpu.others),
        (f"{name}, power, W", whole_number(gpu.power)),
        (f"{name}, power limit, W", whole_number(gpu.power_limit)),
        (f"{name}, temperature, °C", whole_number(gpu.temperature)),
    ]


def _health(view: RunView) -> Table:
    last = view.last
    rows = [
        ("gradient norm", number(last.grad_norm, 2) if last else NONE),
        ("update/weight", number(last.update_ratio, 4) if last else NONE),
        ("values that are not finite", str(panels.nonfinite(view))),
    ]
    return Table("health", _FACTS, tuple(rows))
