"""The log of a run: one line for each event that matters to a reader."""

from __future__ import annotations

import math
from typing import Final

from engine.analysis.history import History
from engine.contract.run.events import Checkpoint, Epoch, Failed, Finished, Phase, Resumed, RunStarted, Stopped
from tui.drawing.figures import extra_accuracies, unreadable_note
from tui.drawing.format import duration, number, percent, place_in_line, si, whole, work
from tui.drawing.log_tail import LogLine
from tui.drawing.status_line import REASON_WORDS

_LOOP: Final = ("training", "evaluating", "saving")
"""Phases that recur every epoch and are not logged."""
_TRACEBACK_LINES: Final = 30


def log_lines(history: History, newest: int = 0, *, wide: bool = False) -> list[LogLine]:
    """The log lines of a run, oldest first: the last `newest` of them, or for 0 all, including any traceback.

    Args:
        wide: more words and the speed in the line of an epoch, for 100 columns.
    """
    lines: list[LogLine] = []
    if history.started:
        lines.append(LogLine(history.started.t, _start(history.started)))
    lines += [LogLine(event.t, _resumed(event)) for event in history.resumes]
    lines += [_epoch(event, wide) for event in history.epochs[-newest:]]
    lines += [LogLine(event.t, _checkpoint(event), "quiet") for event in history.checkpoints[-newest:]]
    lines += [LogLine(event.t, event.text, event.level) for event in history.messages[-newest:]]
    if history.phase and history.phase.name not in _LOOP and history.closing is None:
        lines.append(LogLine(history.phase.t, phase_words(history.phase), "quiet"))
    if history.garbage:
        lines.append(LogLine(0.0, unreadable_note(history.garbage), "warning"))
    lines.sort(key=lambda line: line.t)
    lines += _closing(history, whole=not newest)
    return lines[-newest:]


def phase_words(phase: Phase) -> str:
    """ "queued, 2nd in line", "compiling: max-autotune"."""
    place = f", {place_in_line(phase.place)}" if phase.place else ""
    return f"{phase.name}{place}{f': {phase.note}' if phase.note else ''}"


def _start(event: RunStarted) -> str:
    parts = [f"{si(event.params)} parameters", event.device_name or event.device, event.precision]
    parts += [f"compiled {event.compile}"] if event.compile not in ("", "off") else []
    attempt = f"attempt {event.attempt}: " if event.attempt > 1 else ""
    return f"{attempt}started: {', '.join(part for part in parts if part)}"


def _resumed(event: Resumed) -> str:
    how = "bit-identical" if event.exact else f"not bit-identical: {event.why}"
    return f"resumed after epoch {event.epoch}, step {event.step} ({how})"


def _epoch(event: Epoch, wide: bool) -> LogLine:
    parts = [f"epoch {event.epoch}", f"train{'*' if event.train_mixed else ''} {number(event.train_loss)}"]
    if not math.isnan(event.test_accuracy):
        parts += [f"test {number(event.test_loss)}", f"{percent(event.test_accuracy)} %"]
        parts += [f"{figure} %" for figure in extra_accuracies(event)]
    if not math.isnan(event.holdout_accuracy):
        parts.append(f"holdout {percent(event.holdout_accuracy)} %")
    if not math.isnan(event.clean_train_accuracy):
        parts.append(f"clean train {percent(event.clean_train_accuracy)} %")
    if "train" in event.seconds:
        took = duration(event.seconds["train"])
        evaluate = event.seconds.get("evaluate", 0.0)
        took = f"{took} train" if wide else took
        parts.append(f"{took} + {duration(evaluate)} eval" if evaluate else took)
    if wide and math.isfinite(event.images_per_second):
        parts.append(f"{whole(event.images_per_second)} img/s")
    if event.nonfinite:
        parts.append(f"{event.nonfinite} non-finite losses")
    return LogLine(event.t, ("   " if wide else "  ").join(parts), "warning" if event.nonfinite else "info")


def _checkpoint(event: Checkpoint) -> str:
    why = {"best": ", best so far", "stop": ", to stop", "end": ", final"}.get(event.why, "")
    name = event.file.rsplit("/", 1)[-1] or f"epoch {event.epoch}"
    return f"checkpoint {name} ({duration(event.seconds)}{why})"


def _closing(history: History, whole: bool) -> list[LogLine]:
    match event := history.closing:
        case Stopped():
            return [
                LogLine(
                    event.t,
                    f"{event.reason} after epoch {event.epoch}, step {event.step}: checkpoint written",
                    "warning",
                )
            ]
        case Failed():
            detail = event.detail.splitlines()[-_TRACEBACK_LINES:] if whole else []
            traceback = [LogLine(event.t, line, "quiet") for line in detail]
            why = REASON_WORDS.get(event.reason, event.reason) or "error"
            return [*traceback, LogLine(event.t, f"failed: {why}: {event.message}", "error")]
        case Finished():
            best = f"best-on-{event.best_on} {percent(event.best_accuracy)} % at epoch {event.best_epoch}, "
            extra = [f"{accuracy} %" for accuracy in extra_accuracies(history.course.last)]
            last = [f"last {percent(event.last_accuracy)} %", *extra]
            own = history.course.work
            took = duration(event.seconds) if history.partial else work(own.seconds, own.estimated)
            return [LogLine(event.t, f"finished: {', '.join(last)}, {best if event.best_on else ''}{took}")]
    return []
