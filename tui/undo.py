"""What `u` undoes: the actions of this session, the last one first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_ACTIONS: Final = 200
"""Older actions are forgotten."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action, described in words, and the function that undoes it; that raises BadInput if it cannot be undone."""

    description: str
    undo: Callable[[], object]


class UndoStack:
    """The actions that can be undone. May be used from several threads."""

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self._lock = threading.Lock()

    def push(self, description: str, undo: Callable[[], object]) -> None:
        """Remember an action; `description` says what was done ("deleted k3f9")."""
        self._actions = [*self._actions[-MAX_ACTIONS + 1 :], Action(description, undo)]

    def undo(self) -> Action | None:
        """Undo the last action and return it, or None if there is none. It is forgotten even if undoing it fails.

        Raises:
            BadInput: it cannot be undone.
        """
        with self._lock:  # two quick presses undo two actions, one after the other
            if not self._actions:
                return None
            action = self._actions.pop()
            action.undo()
            return action
