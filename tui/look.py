"""The part of the app that decides how it looks: its themes, its glyphs, and what the terminal is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from textual import constants
from textual.app import SystemCommand
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.screen import Screen

from tui.drawing.format import glyphs_of_terminal
from tui.settings import UNSET, Settings
from tui.theme import PREFIX, THEMES, Ascii, Colorless, Exact, palette_of
from tui.widgets.acknowledged import AcknowledgedDriver
from tui.widgets.key_order import KeyOrder
from tui.workspace import Workspace


class Themed(KeyOrder):
    """An app in one of our themes."""

    def __init__(self, workspace: Workspace, settings: Settings = UNSET) -> None:
        super().__init__()
        self.workspace = workspace
        workspace.smallest = settings.smallest or workspace.smallest
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = PREFIX + (settings.theme or workspace.theme)
        self.glyphs = settings.glyphs or glyphs_of_terminal()
        """What the terminal can show."""
        self._sent: list[LineFilter] = [Colorless() if self.no_color else Exact()]
        if self.glyphs == "ascii":
            self._sent.append(Ascii())
        self.animation_level = "none"

    def get_driver_class(self) -> type[Driver]:
        """Our driver in place of Textual's for terminals, unless `TEXTUAL_DRIVER` names another."""
        usual = super().get_driver_class()
        return AcknowledgedDriver if usual is LinuxDriver and not constants.DRIVER else usual

    def choose_theme(self, name: str) -> None:
        """Use the colors of this theme, now and at the next start."""
        self.workspace.theme = palette_of(name).name
        self.theme = PREFIX + self.workspace.theme

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, then ours; without color only ours, because Textual's would turn colors into grays."""
        return self._sent if self.no_color else [*super().get_line_filters(), *self._sent]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """A command for each theme."""
        for theme in THEMES:
            name = theme.name.removeprefix(PREFIX)
            yield SystemCommand(f"Colors: {name}", "Use these colors from now on", partial(self.choose_theme, name))
