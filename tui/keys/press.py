"""What a screen's keys do, for those who choose an act without pressing its key: the palette and the mouse."""

from __future__ import annotations

from typing import Any, Final

from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input

from tui.keys.key import Key, by_name
from tui.keys.tables import whole_table

_TYPED: Final = {"enter": "enter", "esc": "escape"}
"""Keys that the widget with the focus takes, by the name displayed."""


def rows_of(screen: Screen[Any]) -> list[Key]:
    """All rows of the key table that hold on a screen now."""
    return whole_table(getattr(screen, "KEYS", ()), moves=bool(screen.query("LineList")))


async def act(screen: Screen[Any], row: Key) -> None:
    """Do what the key of a row does."""
    await screen.app.run_action(row.action, default_namespace=_owner(screen, row))


def _owner(screen: Screen[Any], row: Key) -> DOMNode:
    """What carries out the action of a row: the widget with the focus, the screen, or its list, whichever can."""
    name = row.action.split("(")[0]
    nodes = (screen.focused, screen, *screen.query("LineList"))
    return next((node for node in nodes if hasattr(node, f"action_{name}")), screen)


async def press(screen: Screen[Any], name: str) -> None:
    """Do what the key with this displayed name does; nothing if it has no meaning on the screen."""
    typing = isinstance(screen.focused, Input)
    row = None if typing else by_name(rows_of(screen), name)
    if row is not None:
        await act(screen, row)
    elif name in _TYPED:
        screen.app.simulate_key(_TYPED[name])
