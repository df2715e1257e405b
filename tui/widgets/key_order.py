"""Each key does what it means before the next one is looked at, however fast they arrive.

Textual sends a key to the widget that has the focus, and looks for its binding when it has come back from there. Of
keys that arrive at once, as from fast typing, a paste or a slow connection, the later ones are sent before the first
has opened an input, so their letters would be lost, or be taken for keys of the screen.
"""

from __future__ import annotations

import time
from typing import Any, Final

from textual.app import App
from textual.command import CommandPalette
from textual.events import Event, Key
from textual.screen import Screen
from textual.widgets import Input

from tui.widgets.line_input import LineInput

LOOK_SECONDS: Final = 0.02
"""How often it is looked whether keys need to wait any longer."""
WAIT_SECONDS: Final = 3.0
"""How long an input may take to open or to close, before the keys go on without it."""
AT_ONCE: Final = ("ctrl+c", "ctrl+q")
"""Keys that never wait."""


class OpensWithInput(Screen[Any]):
    """A screen that has an input from the beginning, which gets the keys that are pressed before it is there."""

    expects_typing = True
    """Whether the input is still to come."""


class OpensWithButtons(Screen[Any]):
    """A screen that asks with buttons, one of which gets the keys that are pressed before the buttons are there."""

    has_buttons = False
    """Whether they are there, and one of them has the focus."""


class KeyOrder(App[None]):
    """An app that carries out keys one after another."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Key] = []
        """Keys that wait for an input to open or to close, or for buttons, the first one first."""
        self._waits_since = 0.0
        """When the first of them began to wait, by the monotonic clock."""

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, Key) or event.is_forwarded or event.key in AT_ONCE:
            await super().on_event(event)
            return
        if not self._kept:
            self._waits_since = time.monotonic()
        self._kept.append(event)
        await self._press_kept()

    async def _press_kept(self) -> None:
        while self._kept and (time.monotonic() - self._waits_since > WAIT_SECONDS or not self._keys_wait()):
            await self._press(self._kept.pop(0))
            self._waits_since = time.monotonic()
        if self._kept:
            self.set_timer(LOOK_SECONDS, self._press_kept)

    def _keys_wait(self) -> bool:
        """Whether an input is about to get the keys or to give them back, or buttons are about to get them."""
        screen, line = self.screen, self.focused
        if isinstance(screen, OpensWithInput):
            screen.expects_typing = screen.expects_typing and not isinstance(line, LineInput)
            if screen.expects_typing:
                return True
        if isinstance(screen, OpensWithButtons) and not screen.has_buttons:
            return True
        if isinstance(screen, CommandPalette):
            return line is None
        return isinstance(line, LineInput) and line.is_closing

    async def _press(self, event: Key) -> None:
        """Write a letter into the input, or carry out the binding of a key; other keys go where Textual sends them."""
        line = self.focused
        if isinstance(line, LineInput) and event.is_printable and event.character:
            line.write(event.character)
            return
        if line is None or isinstance(line, LineInput) or not isinstance(line, Input):
            bound = self.screen.active_bindings.get(event.key)
            is_ours = bound is not None and bound.enabled and not bound.binding.priority
            if bound is not None and is_ours and await self.run_action(bound.binding.action, bound.node):
                return
        await super().on_event(event)
