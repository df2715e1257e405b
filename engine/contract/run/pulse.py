"""Whether a run on another machine is alive, judged by its heartbeat alone and without trusting any clock.

Every heartbeat has a counter. A process that reads it repeatedly, as screens do, sees whether it advances and needs no
common clock. A process that reads it once has only its time to go by, so a time up to two minutes off, in either
direction, counts as alive. Before a second trainer is started, the counter is watched for 90 seconds: see `watch`.

A "machine" here is a boot and a process namespace, so a container on the same host is another machine.
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
"""After this long without a change the run counts as dead; a network file system may hide a beat for a minute."""
LISTED_SECONDS: Final = 120.0
"""How far the time of a heartbeat may be from this clock if it has been read only once."""
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known about a run's heartbeat."""

    beating: bool
    seen_to_beat: bool
    """Whether it has changed between two reads by this process, which proves more than a recent time stamp."""
    still: float
    """Seconds for which this process has seen no change."""
    age: float
    """Seconds since the heartbeat by the two clocks, at least 0; infinite without a heartbeat."""
    ahead: float
    """Seconds by which the heartbeat's time is in the future, at least 0."""


@dataclass(slots=True)
class _LastRead:
    """The heartbeat of a run as this process read it last."""

    sign: tuple[object, ...]
    since: float
    """When this heartbeat was first read, by the monotonic clock."""
    moved: bool
    """Whether there was an earlier, different one."""


_last_reads: dict[Path, _LastRead] = {}
"""For the few runs of other machines that this process has read; of no use to another process."""


def read_pulse(run_dir: Path, now: float | None = None) -> Pulse:
    """Read a run's heartbeat again and compare it with the last read. Never raises.

    Args:
        now: seconds since 1970, for tests; the clock by default.
    """
    beat = Heartbeat.read(run_dir / "heartbeat.json")
    last = _reread(run_dir, beat)
    still = time.monotonic() - last.since
    off = (time.time() if now is None else now) - beat.t if beat else math.inf
    if math.isnan(off) or off == -math.inf:  # without a valid time only the counter matters
        off = math.inf
    beating = bool(last.sign) and still <= WATCH_SECONDS and (last.moved or abs(off) <= LISTED_SECONDS)
    return Pulse(beating, last.moved, still, max(off, 0.0), max(-off, 0.0))


def watch(
    run_dir: Path, waiting: Callable[[], object] = lambda: None, pause: Callable[[float], object] | None = None
) -> bool:
    """Whether the heartbeat advances while it is watched for WATCH_SECONDS. Earlier reads by this process count.

    Args:
        waiting: called once, before the first pause.
        pause: sleeps for the given number of seconds; it may raise to give up.
    """
    pause = pause or time.sleep
    last = _reread(run_dir, Heartbeat.read(run_dir / "heartbeat.json"))
    if time.monotonic() - last.since < WATCH_SECONDS:
        waiting()
    while (left := last.since + WATCH_SECONDS - time.monotonic()) > 0:
        pause(min(POLL_SECONDS, left))
        if _reread(run_dir, Heartbeat.read(run_dir / "heartbeat.json")) is not last:
            return True
    return False


def _reread(run_dir: Path, beat: Heartbeat | None) -> _LastRead:
    """The last read of a run, a new one if its heartbeat has changed. An unreadable file counts as no change."""
    last = _last_reads.get(run_dir)
    sign = (beat.pid, beat.beats, beat.t) if beat else ()
    if last is None or (beat and last.sign != sign):
        last = _last_reads[run_dir] = _LastRead(sign, time.monotonic(), last is not None and bool(last.sign))
    return last
