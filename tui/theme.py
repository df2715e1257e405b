"""The dark and the light theme. Every color is one of the 256 that tmux and plain SSH support without true color."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="cifar-dark",
    dark=True,
    primary="#5fafff",
    secondary="#5f87af",
    accent="#ffaf5f",
    success="#5fd787",
    warning="#ffd75f",
    error="#ff5f5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    variables={
        "quiet": "#8a8a8a",
        "line": "#585858",
        "cursor": "#303030",
        "input-selection-background": "#005f87",
        "block-cursor-background": "#5fafff",
        "block-cursor-foreground": "#121212",
    },
)
LIGHT: Final = Theme(
    name="cifar-light",
    dark=False,
    primary="#005faf",
    secondary="#5f87af",
    accent="#af5f00",
    success="#008700",
    warning="#875f00",
    error="#af0000",
    foreground="#262626",
    background="#ffffff",
    surface="#eeeeee",
    panel="#e4e4e4",
    variables={
        "quiet": "#626262",
        "line": "#9e9e9e",
        "cursor": "#dadada",
        "input-selection-background": "#afd7ff",
        "block-cursor-background": "#005faf",
        "block-cursor-foreground": "#ffffff",
    },
)
