"""The tables of all screens by name: what help, palette, clicks and tests go by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.keys import compare, dashboard, inspect, log, new_run, queue, results, suites
from tui.keys.common import GLOBAL, MODES, MOVING
from tui.keys.key import Key

TABLES: Final[dict[str, tuple[Key, ...]]] = {
    "dashboard": dashboard.KEYS,
    "results": results.KEYS,
    "compare": compare.KEYS,
    "new_run": new_run.KEYS,
    "queue": queue.KEYS,
    "inspect": inspect.KEYS,
    "suites": suites.KEYS,
    "log": log.KEYS,
}
TITLES: Final = {**MODES, "suites": "Suites", "log": "Log"}


def whole_table(own: Sequence[Key], *, moves: bool) -> list[Key]:
    """All rows that hold on a screen with these rows of its own. A key has the first meaning found.

    Args:
        moves: whether the screen has a list, in which the cursor moves.
    """
    rows, taken = [], set[str]()
    for row in (*own, *(MOVING if moves else ()), *GLOBAL):
        keys = set(row.key.split(","))
        if not keys <= taken:
            rows.append(row)
        taken |= keys
    return rows
