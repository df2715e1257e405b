"""Convert times from files to local time: the one place that turns a number into a date.

A run folder may hold any number as a time. `datetime.fromtimestamp` raises a different exception each for a year beyond
9999, for NaN and for infinity; `local_time` returns None for all of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

LATEST: Final = 253_370_764_800.0  # the start of the year 9999, so that no time zone goes beyond that year


def local_time(t: float) -> datetime | None:
    """Seconds since 1970 as local time; None before 1970, after the year 9998, and for NaN."""
    return datetime.fromtimestamp(t) if 0 <= t < LATEST else None
