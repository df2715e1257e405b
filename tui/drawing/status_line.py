"""Two lines that say which run this is, how it stands and how far it has come; and one about the other live runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contract.text import one_line
from tui.drawing.format import age, bar, clock, duration, percent, whole, work
from tui.drawing.lines import Line, clip, width_of

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
LIVE = ("queued", "starting", "running", "stopping")
REASON_WORDS = {
    "traceback": "error in the code",
    "gpu_memory": "GPU memory",
    "killed": "killed",
    "out_of_memory": "out of memory",
    "diverged": "diverged",
    "disk_full": "disk full",
    "bad_input": "bad input",
    "data": "data",
    "supervisor_lost": "its supervisor died",
    "reboot": "the machine restarted",
    "moved": "its folder was moved",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """Who the run is and how it stands. `age`: seconds since its last sign of life, or since it ended."""

    recipe: str = ""
    id: str = ""
    seed: int = 0
    name: str = ""
    changes: str = "-"
    tags: tuple[str, ...] = ()
    state: str = "queued"
    reason: str = ""
    age: float = math.nan


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come; NaN and 0 where nothing is known yet."""

    epoch: int = 0
    """The epoch at work, or the last one that was."""
    done: float = 0.0
    """Epochs that are done, with the part of the present one."""
    epochs: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float = math.nan
    seconds_per_epoch: float = math.nan
    left: float = math.nan
    """Seconds to go, estimated."""
    now: float = math.nan
    took: float = math.nan
    """Seconds at work in all, for a run that has ended."""
    estimated: bool = False
    """Whether that time was judged by wall clocks."""
    busy: str = ""
    """What it does instead of training, with since when: "compiling, 12 s"."""
    message: str = ""
    """Why it ended, in one line."""


def status(head: Headline, progress: Progress, width: int, height: int) -> list[Line]:
    """The two lines. From 100 columns on they carry changes, tags, time per epoch and the clock at the end."""
    return [_who(head, width), _how_far(head, progress, width)]


def _who(head: Headline, width: int) -> Line:
    wide = width >= 100
    gap = "   " if wide else "  "
    glyph, role = STATE_GLYPHS.get(head.state, ("?", "dim"))
    left: Line = [
        (f" {glyph} ", role),
        (one_line(head.recipe), "strong"),
        (f"{gap}{head.id[-4:]}", ""),
        (f"{gap}seed {head.seed}", "dim"),
    ]
    if head.name:
        left.append((f'{gap}"{one_line(head.name)}"', ""))
    if wide:
        left.append((f"{gap}changes: {'none' if head.changes == '-' else one_line(head.changes)}", "dim"))
        if head.tags:
            left.append((f"{gap}tags: {' '.join(one_line(tag) for tag in head.tags)}", "dim"))
    word = head.state + (f": {REASON_WORDS.get(head.reason, head.reason)}" if head.reason else "")
    right: Line = [(word, role)]
    if not math.isnan(head.age):
        right.append((f" · last event {age(head.age)}" if wide and head.state in LIVE else f"  {age(head.age)}", "dim"))
    return ends(left, right, width - 1)


def _how_far(head: Headline, progress: Progress, width: int) -> Line:
    if head.state in ("failed", "lost", "preempted") and progress.message:
        epochs = f" epoch {progress.epoch}/{progress.epochs}   " if progress.epochs else " "
        return clip([(epochs, "dim"), (one_line(progress.message), "bad")], width)
    if head.state == "queued" or (progress.busy and not progress.step):
        return clip([(f" {one_line(progress.busy or 'queued')}", "live")], width)
    parts = _parts(head, progress, wide=width >= 100)
    share = _share(progress)
    counts = f" epoch {progress.epoch}/{progress.epochs} "
    figures = f" {int(100 * share)} %"
    while True:
        tail: Line = [item for text, role in parts for item in (("   ", ""), (text, role))]
        room = width - width_of([(counts + figures, "")]) - width_of(tail)
        if room >= 8 or not parts:
            break
        parts.pop(0 if len(parts) > 1 and head.state in LIVE else -1)
    cells = max(min(room, 16 if width < 100 else 32), 0)
    return clip([(counts, ""), (bar(share, cells, "░"), "bar"), (figures, "strong"), *tail], width)


def _parts(head: Headline, progress: Progress, wide: bool) -> list[tuple[str, str]]:
    """What follows the bar, left to right."""
    if head.state not in LIVE:
        parts = [] if math.isnan(progress.took) else [(f"took {work(progress.took, progress.estimated)}", "")]
        if not math.isnan(progress.images_per_second):
            parts.append((f"{whole(progress.images_per_second)} img/s", "dim"))
        if progress.message:
            parts.append((one_line(progress.message), "dim"))
        return parts
    parts = [(f"step {progress.step}/{progress.steps}", "")] if progress.steps else []
    if progress.busy:
        parts.append((one_line(progress.busy), "live"))
    elif not math.isnan(progress.images_per_second):
        parts.append((f"{whole(progress.images_per_second)} img/s", ""))
    if wide and not math.isnan(progress.seconds_per_epoch):
        parts.append((f"{duration(progress.seconds_per_epoch)}/epoch", ""))
    if not math.isnan(progress.left):
        at = f" ({clock(progress.now + progress.left, seconds=False)})" if wide else ""
        parts.append((f"~{duration(progress.left)} left{at}", "strong"))
    return parts


def _share(progress: Progress) -> float:
    return min(progress.done / progress.epochs, 1.0) if progress.epochs else 0.0


def ends(left: Line, right: Line, width: int) -> Line:
    """A line with one part at each end; the left one is cut where they would touch."""
    room = width - width_of(right) - 2
    left = clip(left, max(room, 0))
    return [*left, (" " * max(width - width_of(left) - width_of(right), 0), ""), *right]


@dataclass(frozen=True, slots=True)
class Other:
    """Another live run in a line of its own."""

    recipe: str
    id: str
    state: str
    device: str
    epoch: int
    epochs: int
    accuracy: float
    left: float = math.nan


def also_running(others: Sequence[Other], width: int) -> Line:
    """The next live run, how many more there are, and the keys that go there."""
    if not others:
        return []
    other = others[0]
    glyph, role = STATE_GLYPHS.get(other.state, ("?", "dim"))
    line: Line = [
        (" also running   ", "dim"),
        (f"{glyph} ", role),
        (f"{one_line(other.recipe, 28)} {other.id[-4:]}", ""),
        (f"   {one_line(other.device, 16)}" if other.device else "", "dim"),
        (f"   epoch {other.epoch:>3}/{other.epochs}   {percent(other.accuracy)} %", ""),
    ]
    if not math.isnan(other.left):
        line.append((f"   ~{duration(other.left)}", ""))
    more = len(others) - 1
    hint = f"and {more} more (, and . go there)" if more else "(, and . previous and next run)"
    return ends(line, [(hint, "dim")], width - 1)
