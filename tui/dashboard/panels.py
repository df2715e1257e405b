"""The values that the panes draw, derived from the view of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from engine.analysis.cost import seconds_left
from engine.contract.errors import BadInput
from engine.contract.run.status import LIVE, Status
from engine.contract.run.store import Summary
from engine.schedules import learning_rates
from tui.dashboard.accuracy_series import CurveStyle
from tui.dashboard.devices import busy_lately, gpus, peak_ours
from tui.dashboard.log import phase_words
from tui.dashboard.view import RunView
from tui.drawing.also_running import OtherRun, device_name
from tui.drawing.format import NONE, counted, place_in_line
from tui.drawing.machine import GpuSample, Machine
from tui.drawing.marks import mark_of, role_of
from tui.drawing.runs_here import HereRun
from tui.drawing.status_line import STATE_GLYPHS, Headline, RunProgress

_LOOP: Final = ("training", "evaluating", "saving", "")
RATE_POINTS: Final = 400
"""Points of the learning-rate curve."""


def headline(view: RunView, status: Status, now: float, look: CurveStyle) -> Headline:
    """Which run it is, and its state."""
    labels, info = view.labels(), view.info
    last_event = view.last_event or info.created
    closing = view.history.closing
    ended = (closing.t if closing else 0.0) or status.beat or last_event
    since = last_event if status.live else ended
    return Headline(
        recipe=view.name,
        id=view.run.id,
        seed=info.seed,
        layout=info.layout,
        name=labels.name,
        changes=info.changes or "-",
        tags=labels.tags,
        excluded=labels.excluded,
        state=status.state,
        reason=status.reason if status.state != "running" else "",
        age=max(now - since, 0.0) if since else math.nan,
        mark=look.mark,
        role=look.role,
    )


def progress(view: RunView, status: Status, now: float) -> RunProgress:
    """How far the run is, what it is doing, and when it will be done."""
    step = view.step
    closing = view.history.closing
    return RunProgress(
        epoch=view.done_epochs + (1 if step else 0),
        done=view.progress_epochs,
        epochs=view.planned_epochs,
        step=step.step if step else 0,
        steps=view.steps_in(step.epoch) if step else 0,
        images_per_second=view.images_per_second,
        seconds_per_epoch=view.seconds_per_epoch,
        left=view.seconds_left if status.state == "running" else math.nan,
        now=now,
        took=view.seconds_in_all,
        estimated=view.history.course.work.estimated,
        busy=_busy(view, status, now),
        message=status.message or getattr(closing, "message", ""),
    )


def _busy(view: RunView, status: Status, now: float) -> str:
    """What the run does instead of training steps; "" while it trains."""
    if status.state == "queued":
        place = place_in_line(status.place) if status.place else "waiting for its device"
        return f"{place}: {status.note}" if status.note else place
    if status.state == "starting":
        return status.message or status.note or "starting"
    phase = view.history.phase
    if status.state != "running" or phase is None:
        return ""
    if view.step is not None and view.step.t > phase.t:
        return ""
    if phase.name in _LOOP:
        return phase.name if phase.name in ("evaluating", "saving") else ""
    since = f", for {max(now - phase.t, 0):.0f} s" if phase.t else ""
    return f"{phase_words(phase)}{since}"


def machine(view: RunView, parts: int) -> Machine:
    """The devices at the last sample, with the utilization of the last ten minutes in so many parts."""
    sample, started = view.history.latest, view.history.started
    threads = f", {counted(started.threads, 'thread')}" if started and started.threads else ""
    device = f"{started.device_name or started.device}{threads}" if started else ""
    if sample is None:
        return Machine(device=device, sampled=False)
    return Machine(
        gpus=tuple(GpuSample.from_table(table) for table in gpus(view.history)),
        note=sample.gpu_note,
        cpu=sample.cpu,
        ram_used=sample.ram_used,
        ram_total=sample.ram_total,
        ram_ours=sample.ram_ours,
        disk_free=sample.disk_free,
        device=device,
        peak_ours=peak_ours(view.history),
        busy=tuple(busy_lately(view.history, parts)) if parts > 0 else (),
        seconds=view.last.seconds if view.last else {},
        step_ms=next((epoch.step_ms for epoch in reversed(view.history.epochs) if epoch.step_ms), {}),
    )


def footnotes(view: RunView) -> str:
    """What the stars in the headings mean."""
    notes = ["* best epoch picked on test" if view.best_epoch and view.best_on == "test" else ""]
    notes.append("train on mixed images" if view.train_mixed and (view.last or view.step) else "")
    return "; ".join(note for note in notes if note)


def device_word(view: RunView) -> str:
    """ "GPU 1   ", "cpu   "; "" before the run has started."""
    device = view.history.started.device if view.history.started else ""
    return f"{device_name(device)}   " if device else ""


def others(rows: Sequence[Summary], own: str, slots: Mapping[str, int | None]) -> list[OtherRun]:
    """The other live runs, running ones first.

    Args:
        own: the folder of the run that is shown.
        slots: of the runs that have one, by id.
    """
    live = [row for row in rows if row.status in LIVE and row.folder != own]
    live.sort(key=lambda row: row.status != "running")
    return [
        OtherRun(
            recipe=row.recipe_name or NONE,
            id=row.id,
            state=row.status,
            device=row.device,
            epoch=row.epoch,
            epochs=row.epochs,
            accuracy=math.nan if row.last_accuracy is None else row.last_accuracy,
            left=_left(row),
            mark=mark_of(slots[row.id], row.id) if row.id in slots else STATE_GLYPHS[row.status][0],
            role=role_of(slots.get(row.id)),
        )
        for row in live
    ]


def here(rows: Sequence[Summary], own: str, slots: Mapping[str, int | None]) -> list[HereRun]:
    """The runs of the list beside the charts, in the order of Results; the arguments are those of `others`."""
    return [
        HereRun(
            id=row.id,
            recipe=row.recipe_name or NONE,
            state=row.status,
            mark=mark_of(slots[row.id], row.id) if row.id in slots else STATE_GLYPHS.get(row.status, ("?", ""))[0],
            role=role_of(slots.get(row.id)),
            epoch=row.epoch,
            epochs=row.epochs,
            accuracy=math.nan if row.last_accuracy is None else row.last_accuracy,
            left=_left(row),
            shown=row.folder == own,
        )
        for row in rows
    ]


def _left(row: Summary) -> float:
    if row.status != "running":
        return math.nan
    return seconds_left(row.epochs, row.epoch, row.epoch_seconds or math.nan)


def planned_rates(view: RunView) -> list[float]:
    """The learning rate over the whole run; empty if computing it would run the user's own code in this process."""
    recipe = view.recipe
    if recipe is None:
        return []
    try:
        return learning_rates(recipe, RATE_POINTS)  # knows built-in schedules only
    except BadInput:
        return []
