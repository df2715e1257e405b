"""The status of a run in two lines, its identity and its progress; their figures are the cells of `status_table`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.contract.run.status import LIVE
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import NONE, age, clock, duration, whole, work
from tui.drawing.lines import Line, clip, width_of
from tui.drawing.typeset import FIGURES, Table, by_label

STATE_GLYPHS = {
    "queued": ("◌", "dim"),
    "starting": ("○", "live"),
    "running": ("●", "live"),
    "stopping": ("●", "warn"),
    "finished": ("✓", "ok"),
    "stopped": ("■", "warn"),
    "preempted": ("■", "warn"),
    "failed": ("✗", "bad"),
    "lost": ("✗", "bad"),
}
REASON_WORDS = {
    "traceback": "error in the code",
    "gpu_memory": "GPU memory",
    "killed": "killed",
    "out_of_memory": "out of memory",
    "diverged": "diverged",
    "disk_full": "disk full",
    "bad_input": "bad input",
    "data": "data",
    "supervisor_lost": "supervisor died",
    "reboot": "machine restarted",
    "moved": "folder was moved",
    "cancelled": "job cancelled",
    "time_limit": "time limit",
    "preempted": "by a job with more priority",
    "node_failure": "node failed",
    "hung": "a rank hangs",
}

_RECIPE, _ID, _SEED, _ORIGIN, _EXCLUDED = "recipe", "run", "seed", "origin", "left out"
_NAME, _CHANGES, _TAGS, _STATE, _SINCE = "name", "changes", "tags", "state", "last event, or the end"
_BUSY, _MESSAGE = "busy with", "message"
_EPOCH, _EPOCHS, _PERCENT, _STEP, _STEPS = "epoch", "epochs", "percent", "step", "steps per epoch"
_SPEED, _AN_EPOCH, _TOOK, _LEFT, _DONE = "images per second", "time per epoch", "took", "left", "done at"
"""The labels of the table."""


@dataclass(frozen=True, slots=True)
class Headline:
    """Which run it is and its state. `age`: seconds since its last event, or since it ended."""

    recipe: str = ""
    id: str = ""
    seed: int = 0
    name: str = ""
    changes: str = "-"
    tags: tuple[str, ...] = ()
    state: str = "queued"
    reason: str = ""
    age: float = math.nan
    mark: str = "●"
    """The mark of the run and its role, as in the charts."""
    role: str = "run-0"
    excluded: str = ""
    """Why the user has left the run out of means and verdicts."""
    layout: str = ""
    """The program that an imported run comes from, whose seed is none of ours."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far the run is; NaN or 0 if unknown."""

    epoch: int = 0
    """The current epoch, or the last one."""
    done: float = 0.0
    """Completed epochs, including the fraction of the current one."""
    epochs: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float = math.nan
    seconds_per_epoch: float = math.nan
    left: float = math.nan
    """Estimated seconds remaining."""
    now: float = math.nan
    """Unix seconds, for the time at which the run will end."""
    took: float = math.nan
    """Working time in seconds, of a run that has ended."""
    estimated: bool = False
    """Whether `took` was estimated from wall-clock times."""
    busy: str = ""
    """What the run does instead of training, and for how long: "compiling, for 12 s"."""
    message: str = ""
    """Why the run ended, in one line."""


def status_table(head: Headline, progress: RunProgress) -> Table:
    """Which run it is, its state, and how far it is; what a run does not have has no row, an unknown figure a dash."""
    state = head.state + (f": {REASON_WORDS.get(head.reason, head.reason)}" if head.reason else "")
    identity = [
        (_RECIPE, one_line(head.recipe)),
        (_ID, head.id),
        (_SEED, "" if head.layout else str(head.seed)),
        (_ORIGIN, f"imported ({one_line(head.layout)})" if head.layout else ""),
        (_EXCLUDED, one_line(head.excluded)),
        (_NAME, one_line(head.name)),
        (_CHANGES, "none" if head.changes == "-" else one_line(head.changes)),
        (_TAGS, " ".join(map(one_line, head.tags))),
        (_STATE, state),
        (_SINCE, "" if math.isnan(head.age) else age(head.age)),
        (_BUSY, one_line(progress.busy)),
        (_MESSAGE, one_line(progress.message)),
    ]
    figures = [
        (_EPOCH, str(progress.epoch)),
        (_EPOCHS, str(progress.epochs)),
        (_PERCENT, str(int(100 * _share(progress))) if progress.epochs else NONE),
        (_STEP, str(progress.step)),
        (_STEPS, str(progress.steps)),
        (_SPEED, whole(progress.images_per_second)),
        (_AN_EPOCH, duration(progress.seconds_per_epoch)),
        (_TOOK, work(progress.took, progress.estimated)),
        (_LEFT, NONE if math.isnan(progress.left) else f"~{duration(progress.left)}"),
        (_DONE, NONE if math.isnan(progress.left) else clock(progress.now + progress.left, seconds=False)),
    ]
    return Table("progress", FIGURES, (*(row for row in identity if row[1]), *figures))


def status_lines(head: Headline, progress: RunProgress, width: int, height: int) -> list[Line]:
    """The two lines. From 100 columns on they add the changes, tags, time per epoch, and time of day at the end."""
    cells = by_label(status_table(head, progress))
    return [_identity(head, cells, width), _progress(head, progress, cells, width)]


def _identity(head: Headline, cells: Mapping[str, str], width: int) -> Line:
    wide = width >= 100
    gap = "   " if wide else "  "
    glyph, role = STATE_GLYPHS.get(head.state, ("?", "dim"))
    left: Line = [
        (f" {head.mark} ", head.role),
        (cells.get(_RECIPE, ""), "strong"),
        (f"{gap}{cells.get(_ID, '')[-4:]}", "id"),
        (f"{gap}{cells[_ORIGIN]}" if head.layout else f"{gap}seed {cells[_SEED]}", "dim"),
    ]
    if _EXCLUDED in cells:
        left.append((f"{gap}left out: {cells[_EXCLUDED]}", "warn"))
    if _NAME in cells and (wide or _EXCLUDED not in cells):
        left.append((f'{gap}"{cells[_NAME]}"', ""))
    if wide:
        left += [(f"{gap}changes ", "dim"), (cells.get(_CHANGES, ""), "")]
        left += [(f"{gap}tags ", "dim"), (cells[_TAGS], "")] if _TAGS in cells else []
    word = cells[_STATE]
    right: Line = [(word, "ok") if head.state == "running" else (f"{glyph} {word}", role)]
    if _SINCE in cells:
        since = "last event " if wide and head.state in LIVE else ""
        right.append((f" · {since}{cells[_SINCE]}", "dim"))
    return justify(left, right, width - 1)


def _progress(head: Headline, progress: RunProgress, cells: Mapping[str, str], width: int) -> Line:
    epoch, epochs = cells[_EPOCH], cells[_EPOCHS]
    if head.state in ("failed", "lost", "preempted") and progress.message:
        reached = f" epoch {epoch}/{epochs}   " if progress.epochs else " "
        return clip([(reached, "dim"), (cells.get(_MESSAGE, ""), "bad")], width)
    if head.state == "queued" or (progress.busy and not progress.step):
        return clip([(f" {cells.get(_BUSY, 'queued')}", "live")], width)
    parts = _parts(head, progress, cells, wide=width >= 100)
    counts: Line = [(" epoch ", "dim"), (epoch, "strong"), (f"/{epochs} ", "dim")]
    figures: Line = [(f" {cells[_PERCENT] if progress.epochs else 0}", "strong"), (" %", "dim")]
    gap = "   " if width >= 100 else "  "
    while True:
        tail: Line = [item for part in parts for item in ((gap, ""), *part)]
        room = width - 1 - width_of([*counts, *figures, *tail])
        if room >= 8 or not parts:
            break
        parts.pop(0 if len(parts) > 1 and head.state in LIVE else -1)
    length = max(min(room, width // 4 - 2 if width < 100 else width // 3 - 10), 0)
    last = parts.pop() if parts else []
    done = bar(_share(progress), length, head.role)
    line: Line = [*counts, *done, *figures, *tail[: len(tail) - len(last) - 1]]
    return justify(line, last, width - 1)


def _parts(head: Headline, progress: RunProgress, cells: Mapping[str, str], wide: bool) -> list[Line]:
    """The parts behind the bar, left to right; the last one stands at the right end."""
    speed: Line = [(cells[_SPEED], ""), (" img/s", "dim")]
    known = not math.isnan(progress.images_per_second)
    if head.state not in LIVE:
        ended: list[Line] = [speed] if known else []
        if not math.isnan(progress.took):
            ended.insert(0, [("took ", "dim"), (cells[_TOOK], "")])
        return [*ended, [(cells[_MESSAGE], "dim")]] if _MESSAGE in cells else ended
    parts: list[Line] = []
    if progress.steps:
        parts.append([("step ", "dim"), (cells[_STEP], ""), (f"/{cells[_STEPS]}", "dim")])
    if _BUSY in cells:
        parts.append([(cells[_BUSY], "live")])
    elif known:
        parts.append(speed)
    if wide and not math.isnan(progress.seconds_per_epoch):
        parts.append([(cells[_AN_EPOCH], ""), (" an epoch", "dim")])
    if not math.isnan(progress.left):
        parts.append([(f"{cells[_LEFT]} left", "strong"), (f" {cells[_DONE]}" if wide else "", "dim")])
    return parts


def _share(progress: RunProgress) -> float:
    return min(progress.done / progress.epochs, 1.0) if progress.epochs else 0.0


def justify(left: Line, right: Line, width: int) -> Line:
    """A line with one part at each end; the left part is truncated if it does not fit."""
    room = width - width_of(right) - 2
    left = clip(left, max(room, 0))
    return [*left, (" " * max(width - width_of(left) - width_of(right), 0), ""), *right]
