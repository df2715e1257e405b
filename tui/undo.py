"""What `u` takes back: the acts of this sitting, the last one first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST: Final = 200
"""Acts that are remembered."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done, in words, and what undoes it. `undo` raises BadInput where that cannot be done."""

    words: str
    undo: Callable[[], object]


class Acts:
    """The acts that can be undone. May be used from several threads."""

    def __init__(self) -> None:
        self._acts: list[Act] = []
        self._lock = threading.Lock()

    def did(self, words: str, undo: Callable[[], object]) -> None:
        """Remember an act: `words` say what was done ("deleted k3f9")."""
        self._acts = [*self._acts[-MOST + 1 :], Act(words, undo)]

    def undo(self) -> Act | None:
        """Undo the last act, which is then forgotten, also where that failed; None where there is none.

        Raises:
            BadInput: it cannot be undone.
        """
        with self._lock:  # two quick presses undo two acts, one after the other
            if not self._acts:
                return None
            act = self._acts.pop()
            act.undo()
            return act
