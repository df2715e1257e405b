"""The color and mark of a run: one slot each of eight, the same on every screen while the run is marked."""

from __future__ import annotations

from typing import Final

from tui.drawing.palette import SLOTS

LAST: Final = "●■▲◆▼●■▲"
"""The mark of each slot, drawn at the last epoch."""
BEST: Final = "○□△◇▽○□△"
"""Its hollow twin, drawn at the best epoch."""
_SHAPES: Final = len(set(LAST))
NO_SLOT: Final = "•"
"""The mark of a marked run without a slot: from the ninth on."""


def mark_of(slot: int | None, run_id: str = "") -> str:
    """The mark of a slot. The second round of the same shapes adds the first letter of the run's short id: "●k"."""
    if slot is None:
        return NO_SLOT
    return LAST[slot] + (run_id[-4:][:1] if slot >= _SHAPES else "")


def hollow_of(slot: int | None) -> str:
    """The mark of the best epoch."""
    return NO_SLOT if slot is None else BEST[slot]


def role_of(slot: int | None) -> str:
    """The role in which the run is drawn."""
    return "dim" if slot is None else f"run-{slot}"


def faint_role_of(slot: int | None) -> str:
    """The role of its raw points, and of the rest of its plan."""
    return "grid" if slot is None else f"faint-{slot}"


def lowest_free(taken: set[int]) -> int | None:
    """The slot that the next marked run gets; None where all are taken."""
    return next((slot for slot in range(SLOTS) if slot not in taken), None)
