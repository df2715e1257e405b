"""What all downloadable data sets have in common: fetched when missing, read once, then kept in the cache. No torch."""

from __future__ import annotations

from collections.abc import Callable

from engine.data.archives import Location, locate, signature
from engine.data.arrays import Arrays, Say, cached
from engine.data.fetch import fetch
from engine.data.sources import SOURCES


def stored(name: str, data_dir: str, say: Say, read: Callable[[Location], Arrays]) -> Arrays:
    """A data set of `SOURCES`.

    Args:
        say: hears of the download, which may take minutes.
        read: from the files at a location to arrays, every byte checked first; called only where no cache fits.

    Raises:
        DataError: where it is missing and cannot be fetched, or is damaged.
    """
    location = locate(name, data_dir)
    if location.missing:
        say("fetching", SOURCES[name].title)
        location = fetch(name, data_dir, lambda done, total, what: say("fetching", _amount(done, total, what)))
        say("preparing data", SOURCES[name].title)
    return cached(name, signature(location), lambda: read(location), say)


def _amount(done: int, total: int, what: str) -> str:
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB, {what}"
