"""Access to downloadable data sets: downloaded if missing, read once, then cached. No torch."""

from __future__ import annotations

from collections.abc import Callable

from engine.data.archives import Location, locate, signature
from engine.data.arrays import Arrays, Say, cached
from engine.data.fetch import fetch
from engine.data.sources import SOURCES


def stored(name: str, data_dir: str, say: Say, read: Callable[[Location], Arrays]) -> Arrays:
    """Load a data set of `SOURCES`.

    Args:
        say: receives the progress of the download, which may take minutes.
        read: verifies and reads the files at a location; called only if there is no matching cache.

    Raises:
        DataError: the data set is missing and cannot be downloaded, or is damaged.
    """
    location = locate(name, data_dir)
    if location.missing:
        say("fetching", SOURCES[name].title)
        location = fetch(name, data_dir, lambda done, total, what: say("fetching", _amount(done, total, what)))
        say("preparing data", SOURCES[name].title)
    return cached(name, signature(location), lambda: read(location), say)


def _amount(done: int, total: int, what: str) -> str:
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB, {what}"
