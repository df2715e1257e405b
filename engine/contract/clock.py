"""Times from files as the clock and the calendar show them: the one place that makes a date of a number.

A run folder may hold any number as a time. `datetime.fromtimestamp` raises for one beyond the year 9999, for NaN and
for infinity, each with another exception; here they are no time at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

LATEST: Final = 253_370_764_800.0  # the beginning of the year 9999, so that no time zone leads beyond it


def local_time(t: float) -> datetime | None:
    """Unix seconds as local time; None before 1970, after the year 9998, and for NaN."""
    return datetime.fromtimestamp(t) if 0 <= t < LATEST else None
