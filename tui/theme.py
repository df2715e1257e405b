"""The palettes as Textual themes and Rich styles, and the filters that turn styles into what a terminal is sent."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from tui.drawing.format import to_ascii
from tui.drawing.palette import PALETTES, Look, Palette, hex_of, looks

PREFIX: Final = "cifar-"
"""What the names of our themes begin with, so that they are not those of Textual's own."""


def theme_of(palette: Palette) -> Theme:
    """The Textual theme of a palette: the colors that the style sheet names."""
    return Theme(
        name=PREFIX + palette.name,
        dark=palette.dark,
        primary=hex_of(palette.accent),
        secondary=hex_of(palette.accent),
        accent=hex_of(palette.attention),
        success=hex_of(palette.better),
        warning=hex_of(palette.worse),
        error=hex_of(palette.bad),
        foreground=hex_of(palette.text),
        background=hex_of(palette.background),
        surface=hex_of(palette.strip),
        panel=hex_of(palette.track),
        variables={
            "quiet": hex_of(palette.quiet),
            "strong": hex_of(palette.strong),
            "line": hex_of(palette.rule),
            "strip": hex_of(palette.strip),
            "cursor": hex_of(palette.cursor),
            "ink": hex_of(palette.ink),
            "input-selection-background": hex_of(palette.faint[0]),
            "block-cursor-background": hex_of(palette.accent),
            "block-cursor-foreground": hex_of(palette.ink),
        },
    )


THEMES: Final = tuple(map(theme_of, PALETTES.values()))
"""All themes, the default first."""


def palette_of(theme: str) -> Palette:
    """The palette of a theme, by the theme's name; the dark one for a theme that is not ours."""
    return PALETTES.get(theme.removeprefix(PREFIX), next(iter(PALETTES.values())))


# --- styles ---------------------------------------------------------------------------------------------------


@lru_cache(1024)
def style_of(role: str, theme: str, colorless: bool = False) -> Style:
    """The style of a role, or of several separated by blanks: "bad field". Raises KeyError for one that is unknown."""
    known = looks(palette_of(theme))
    found = [known[name] for name in role.split()]
    return Style.combine(Style.parse(look.plain) if colorless else _colored(look) for look in found)


@lru_cache(8192)
def pixel_style(role: str) -> Style:
    """The style of a part of a picture, "#rrggbb #rrggbb": the color of its upper pixels and of its lower ones."""
    upper, lower = role.split()
    return Style(color=RichColor.parse(upper), bgcolor=RichColor.parse(lower))


@lru_cache(8)
def cursor_style(theme: str, colorless: bool = False) -> Style:
    """What the row under the cursor adds to its styles."""
    return Style(bold=True) if colorless else Style(bgcolor=_rich(palette_of(theme).cursor))


def vanishes(role: str) -> bool:
    """Whether the text of a role becomes blanks where there is no color."""
    return looks(next(iter(PALETTES.values())))[role.split()[0]].vanishes


def _colored(look: Look) -> Style:
    return Style(color=_rich(look.color), bgcolor=_rich(look.behind), bold=look.bold or None)


def _rich(color: int) -> RichColor | None:
    return RichColor.parse(hex_of(color)) if color >= 0 else None


# --- filters --------------------------------------------------------------------------------------------------

_INDEX: Final = {hex_of(color): color for color in reversed(range(16, 256))}
"""The index of every color that has one."""


class Exact(LineFilter):
    """Sends each color that is one of the 256 by its index.

    That takes half the bytes of a true color, and spares a terminal of 256 colors Rich's rounding, which shifts some
    grays by one step and so costs contrast.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and _exact(style), control) for text, style, control in segments]


@lru_cache(4096)
def _exact(style: Style) -> Style:
    return style + Style.from_color(_indexed(style.color), _indexed(style.bgcolor))


def _indexed(color: RichColor | None) -> RichColor | None:
    if color is None or color.triplet is None or color.number is not None:
        return color
    index = _INDEX.get(color.triplet.hex)
    return color if index is None else RichColor.from_ansi(index)


class Colorless(LineFilter):
    """Sends no color at all, as https://no-color.org asks; bold, dim and reverse video stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, style and style.without_color, control) for text, style, control in segments]


class Ascii(LineFilter):
    """Sends only ASCII, for terminals and locales that have no other characters."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
