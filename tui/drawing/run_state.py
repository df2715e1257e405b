"""What a run is called in a table: its name, how far it has come, its state, and when it started."""

from __future__ import annotations

from typing import Final

from engine.contract.clock import local_time
from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.drawing.format import NONE

SHORT_REASON: Final = {
    "gpu_memory": "mem",
    "out_of_memory": "mem",
    "killed": "kill",
    "diverged": "nan",
    "disk_full": "disk",
    "data": "data",
    "bad_input": "bad",
    "supervisor_lost": "lost",
    "reboot": "boot",
    "moved": "move",
    "permission_denied": "perm",
    "cancelled": "stop",
    "time_limit": "time",
    "preempted": "pre",
    "node_failure": "node",
    "hung": "hung",
}
LONG_REASON: Final = {
    "gpu_memory": "GPU memory",
    "out_of_memory": "memory",
    "supervisor_lost": "lost",
    "traceback": "failed",
    "permission_denied": "perm. denied",
}
STATE, STATE_IN_WORDS = 5, 14
"""Width of the status column in cells: a sign and an abbreviation, or full words."""
STATES: Final = {
    "running": ("●", "live"),
    "starting": ("◌", "live"),
    "stopping": ("◍", "warn"),
    "queued": ("◌", "warn"),
    "finished": ("✓", "ok"),
    "stopped": ("■", "warn"),
    "preempted": ("■", "warn"),
    "failed": ("✗", "bad"),
    "lost": ("?", "bad"),
}
WORDS: Final = {"stopped": "stop", "preempted": "pre", "failed": "err", "lost": "lost"}


def label_of(run: Summary) -> str:
    """Name and tags as one text."""
    return " ".join(filter(None, [one_line(run.name), *(f"#{one_line(tag)}" for tag in run.tags)]))


def epochs_of(run: Summary) -> str:
    """Completed and planned epochs: "12/500"."""
    return f"{run.epoch}/{run.epochs}"


def state_of(run: Summary) -> tuple[str, str]:
    """(sign and abbreviated reason in at most five cells, role): `✓`, `✗ mem`, `■stop`, `◌`; `✓ out` if left out."""
    sign, role = STATES.get(run.status, ("?", "bad"))
    if run.excluded:
        return f"{sign} out", "warn"
    word = "" if run.live or run.status == "finished" else SHORT_REASON.get(run.reason, WORDS.get(run.status, ""))
    return (f"{sign} {word}" if len(word) < 4 else f"{sign}{word}").strip(), role


def state_in_words(run: Summary) -> tuple[str, str]:
    """(sign and reason in words, role): `✓ finished`, `✗ GPU memory`, `■ stopped`, `✓ left out`."""
    sign, role = STATES.get(run.status, ("?", "bad"))
    if run.excluded:
        return f"{sign} left out", "warn"
    word = "" if run.live or run.status == "finished" else LONG_REASON.get(run.reason, run.reason.replace("_", " "))
    return f"{sign} {one_line(word or run.status)}", role


def when_of(run: Summary, now: float) -> str:
    """`now` for a live run, `#3` for the 3rd in line, else when it started: `5 min` or `3 h` ago, `20 Nov`."""
    if run.status == "queued":
        return f"#{run.place}" if run.place else "waiting"
    if run.live:
        return "now"
    if not run.started:
        return NONE
    ago = max(now - run.started, 0.0)
    if ago < 5400:
        return f"{ago / 60:.0f} min"
    if ago < 36 * 3600:
        return f"{ago / 3600:.0f} h"
    moment, today = local_time(run.started), local_time(now)
    if moment is None or today is None:
        return NONE
    return f"{moment.day} {moment:%b}" if (today - moment).days < 330 else f"{moment:%m/%Y}"
