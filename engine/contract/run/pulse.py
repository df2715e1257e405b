"""Whether a run of another machine lives: told from its heartbeat alone, and without trusting anybody's clock.

Every heartbeat has a counter. Who looks twice, as screens do, sees it move or stand still and needs no common clock.
Who looks once has only the time in it, and so a beat of two minutes' age, in either direction, counts as life. What
would start a second trainer looks for 90 seconds first: see `watch`.

A "machine" here is a boot and a process namespace, so a container on this very host is another one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.contract.run.records import Heartbeat

WATCH_SECONDS: Final = 90.0
"""A counter that stands still for so long belongs to the dead: a network file system may hide a beat for a minute."""
LISTED_SECONDS: Final = 120.0
"""How far the time of a beat may be from this clock for who looks only once."""
LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of a run's heartbeat."""

    beating: bool
    seen_to_beat: bool
    """Whether it has changed between two looks of this process, not just a lucky time stamp."""
    still: float
    """Seconds for which this process has seen no change."""
    age: float
    """Seconds since the beat by the two clocks, at least 0; infinite without a beat."""
    ahead: float
    """Seconds by which the beat is dated in the future, at least 0."""


@dataclass(slots=True)
class _Memory:
    sign: tuple[object, ...]
    since: float
    """When this sign was first seen, by the monotonic clock."""
    moved: bool
    """Whether there was another sign before it."""


_memories: dict[Path, _Memory] = {}
"""Of the runs of other machines that this process has looked at: a handful, and worth nothing to another process."""


def feel(run_dir: Path, now: float | None = None) -> Pulse:
    """Look at a run's heartbeat once more. Never raises.

    Args:
        now: seconds since 1970, for tests; the clock by default.
    """
    beat = Heartbeat.read(run_dir / "heartbeat.json")
    memory = _remember(run_dir, beat)
    still = time.monotonic() - memory.since
    off = (time.time() if now is None else now) - beat.t if beat else math.inf
    if math.isnan(off) or off == -math.inf:  # a beat without a usable time counts by its counter alone
        off = math.inf
    beating = bool(memory.sign) and still <= WATCH_SECONDS and (memory.moved or abs(off) <= LISTED_SECONDS)
    return Pulse(beating, memory.moved, still, max(off, 0.0), max(-off, 0.0))


def watch(
    run_dir: Path, waiting: Callable[[], object] = lambda: None, pause: Callable[[float], object] | None = None
) -> bool:
    """Whether the heart beats, after watching it for WATCH_SECONDS. Earlier looks of this process count.

    Args:
        waiting: called once, before the first pause.
        pause: sleeps for so many seconds; it may raise to give up.
    """
    pause = pause or time.sleep
    memory = _remember(run_dir, Heartbeat.read(run_dir / "heartbeat.json"))
    if time.monotonic() - memory.since < WATCH_SECONDS:
        waiting()
    while (left := memory.since + WATCH_SECONDS - time.monotonic()) > 0:
        pause(min(LOOK_SECONDS, left))
        if _remember(run_dir, Heartbeat.read(run_dir / "heartbeat.json")) is not memory:
            return True
    return False


def _remember(run_dir: Path, beat: Heartbeat | None) -> _Memory:
    """The memory of a run, a new one where its heartbeat has changed. A file that cannot be read is no news."""
    memory = _memories.get(run_dir)
    sign = (beat.pid, beat.beats, beat.t) if beat else ()
    if memory is None or (beat and memory.sign != sign):
        memory = _memories[run_dir] = _Memory(sign, time.monotonic(), memory is not None and bool(memory.sign))
    return memory
