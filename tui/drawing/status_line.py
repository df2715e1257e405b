"""The status of a run in two lines, its identity and its progress, and a line about the other live runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.run.status import LIVE
from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import age, clock, duration, percent, whole, work
from tui.drawing.lines import Line, clip, hints, width_of

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
class Progress:
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


def status_lines(head: Headline, progress: Progress, width: int, height: int) -> list[Line]:
    """The two lines. From 100 columns on they add the changes, tags, time per epoch, and time of day at the end."""
    return [_identity(head, width), _progress(head, progress, width)]


def _identity(head: Headline, width: int) -> Line:
    wide = width >= 100
    gap = "   " if wide else "  "
    glyph, role = STATE_GLYPHS.get(head.state, ("?", "dim"))
    left: Line = [
        (f" {head.mark} ", head.role),
        (one_line(head.recipe), "strong"),
        (f"{gap}{head.id[-4:]}", "id"),
        (f"{gap}imported ({one_line(head.layout)})" if head.layout else f"{gap}seed {head.seed}", "dim"),
    ]
    if head.excluded:
        left.append((f"{gap}left out: {one_line(head.excluded)}", "warn"))
    if head.name and (wide or not head.excluded):
        left.append((f'{gap}"{one_line(head.name)}"', ""))
    if wide:
        left += [(f"{gap}changes ", "dim"), ("none" if head.changes == "-" else one_line(head.changes), "")]
        if head.tags:
            left += [(f"{gap}tags ", "dim"), (" ".join(one_line(tag) for tag in head.tags), "")]
    word = head.state + (f": {REASON_WORDS.get(head.reason, head.reason)}" if head.reason else "")
    right: Line = [(word, "ok") if head.state == "running" else (f"{glyph} {word}", role)]
    if not math.isnan(head.age):
        since = "last event " if wide and head.state in LIVE else ""
        right.append((f" · {since}{age(head.age)}", "dim"))
    return justify(left, right, width - 1)


def _progress(head: Headline, progress: Progress, width: int) -> Line:
    if head.state in ("failed", "lost", "preempted") and progress.message:
        epochs = f" epoch {progress.epoch}/{progress.epochs}   " if progress.epochs else " "
        return clip([(epochs, "dim"), (one_line(progress.message), "bad")], width)
    if head.state == "queued" or (progress.busy and not progress.step):
        return clip([(f" {one_line(progress.busy or 'queued')}", "live")], width)
    parts = _parts(head, progress, wide=width >= 100)
    share = _share(progress)
    counts: Line = [(" epoch ", "dim"), (f"{progress.epoch}", "strong"), (f"/{progress.epochs} ", "dim")]
    figures: Line = [(f" {int(100 * share)}", "strong"), (" %", "dim")]
    gap = "   " if width >= 100 else "  "
    while True:
        tail: Line = [item for part in parts for item in ((gap, ""), *part)]
        room = width - 1 - width_of([*counts, *figures, *tail])
        if room >= 8 or not parts:
            break
        parts.pop(0 if len(parts) > 1 and head.state in LIVE else -1)
    cells = max(min(room, width // 4 - 2 if width < 100 else width // 3 - 10), 0)
    last = parts.pop() if parts else []
    line: Line = [*counts, *bar(share, cells, head.role), *figures, *tail[: len(tail) - len(last) - 1]]
    return justify(line, last, width - 1)


def _parts(head: Headline, progress: Progress, wide: bool) -> list[Line]:
    """The parts behind the bar, left to right; the last one stands at the right end."""
    speed: Line = [(whole(progress.images_per_second), ""), (" img/s", "dim")]
    known = not math.isnan(progress.images_per_second)
    if head.state not in LIVE:
        ended: list[Line] = [speed] if known else []
        if not math.isnan(progress.took):
            ended.insert(0, [("took ", "dim"), (work(progress.took, progress.estimated), "")])
        return [*ended, [(one_line(progress.message), "dim")]] if progress.message else ended
    parts: list[Line] = []
    if progress.steps:
        parts.append([("step ", "dim"), (f"{progress.step}", ""), (f"/{progress.steps}", "dim")])
    if progress.busy:
        parts.append([(one_line(progress.busy), "live")])
    elif known:
        parts.append(speed)
    if wide and not math.isnan(progress.seconds_per_epoch):
        parts.append([(duration(progress.seconds_per_epoch), ""), (" an epoch", "dim")])
    if not math.isnan(progress.left):
        at = f" {clock(progress.now + progress.left, seconds=False)}" if wide else ""
        parts.append([(f"~{duration(progress.left)} left", "strong"), (at, "dim")])
    return parts


def _share(progress: Progress) -> float:
    return min(progress.done / progress.epochs, 1.0) if progress.epochs else 0.0


def justify(left: Line, right: Line, width: int) -> Line:
    """A line with one part at each end; the left part is truncated if it does not fit."""
    room = width - width_of(right) - 2
    left = clip(left, max(room, 0))
    return [*left, (" " * max(width - width_of(left) - width_of(right), 0), ""), *right]


@dataclass(frozen=True, slots=True)
class OtherRun:
    """Another live run, for a line of its own."""

    recipe: str
    id: str
    state: str
    device: str
    epoch: int
    epochs: int
    accuracy: float
    left: float = math.nan
    mark: str = "●"
    role: str = "dim"


def device_name(device: str) -> str:
    """A device as people call it: "cuda:1" is "GPU 1"."""
    kind, _, index = device.partition(":")
    return f"GPU {index}" if kind == "cuda" and index else device


def also_running(others: Sequence[OtherRun], width: int) -> Line:
    """One other live run, how many more there are, and the keys that switch to them."""
    if not others:
        return []
    other = others[0]
    line: Line = [
        (" also on   ", "dim"),
        (f"{other.mark} {one_line(other.recipe, 28)}", other.role),
        (f"  {other.id[-4:]}", other.role),
        (f"  {one_line(device_name(other.device), 16)}" if other.device else "", "dim"),
    ]
    if other.state == "running":
        done = other.epoch / other.epochs if other.epochs else math.nan
        line += [("  epoch ", "dim"), (f"{other.epoch}", ""), (f"/{other.epochs}   ", "dim")]
        line += [*bar(done, 14, other.role), (f"   {percent(other.accuracy)} %", "strong")]
    else:
        line.append((f"  {other.state}", "dim"))
    if not math.isnan(other.left):
        line.append((f"   ~{duration(other.left)}", "dim"))
    more = len(others) - 1
    return justify(line, hints([(", .", f"and {more} more" if more else "previous, next run")]), width - 1)
