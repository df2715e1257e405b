"""The themes: colors that every terminal has, readable text, and a style for every role."""

import re
from pathlib import Path

import pytest

import tui
from tui.drawing.lines import PANE_ROLES, ROLES
from tui.theme import DARK, LIGHT
from tui.widgets.pane import Pane

LEVELS = (0x00, 0x5F, 0x87, 0xAF, 0xD7, 0xFF)
TEXT = ("foreground", "primary", "accent", "success", "warning", "error")
SHEET = (Path(tui.__file__).parent / "app.tcss").read_text()


def rgb(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def in_256(color):
    """Whether a color is one of the 6 x 6 x 6 cube or of the 24 grays of a 256-color terminal."""
    levels = rgb(color)
    gray = len(set(levels)) == 1 and (levels[0] - 8) % 10 == 0 and 8 <= levels[0] <= 238
    return gray or all(level in LEVELS for level in levels)


def luminance(color):
    """Relative luminance as WCAG 2 defines it."""
    channels = [level / 255 for level in rgb(color)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colors_of(theme):
    own = {name: getattr(theme, name) for name in (*TEXT, "secondary", "background", "surface", "panel")}
    return own | theme.variables


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_every_color_is_one_of_the_256(theme):
    assert {name: color for name, color in colors_of(theme).items() if not in_256(color)} == {}


def test_the_colors_of_curves_are_among_the_256():
    colors = re.findall(r"#[0-9a-f]{6}", Pane.DEFAULT_CSS)
    assert colors and all(map(in_256, colors))


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_is_readable_on_the_background(theme):
    colors = colors_of(theme)
    found = {name: round(contrast(colors[name], colors["background"]), 1) for name in (*TEXT, "quiet")}
    assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("role", [*ROLES, *PANE_ROLES])
def test_every_role_has_a_style(role):
    assert f".line--{role} " in (SHEET if role in ROLES else Pane.DEFAULT_CSS).replace(",", " ")
