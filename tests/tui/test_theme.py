"""The themes: readable text in each, no color without a name, and nothing but the 256 colors on the wire."""

import re
from itertools import product
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor

import tui
from tui.drawing.palette import PALETTES, contrast, hex_of, looks, rgb
from tui.theme import PREFIX, THEMES, Colorless, Exact, cursor_style, palette_of, style_of, theme_of, vanishes

LEAST = 4.5
"""Contrast of text with its background, WCAG 2.2 level AA."""
TEXT = ("text", "strong", "quiet", "accent", "attention", "better", "worse", "bad")
LINES_ONLY = {"rule", "grid", "track", "box"}
"""Roles of lines, which are too faint for letters."""
PALETTE = pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda palette: palette.name)
BLACK = TextualColor(0, 0, 0)


def pairs(palette):
    """(name, color, background) for every text and every background it may stand on."""
    everywhere = [(name, getattr(palette, name)) for name in TEXT]
    everywhere += [(f"run {i}", color) for i, color in enumerate(palette.runs, 1)]
    for (name, color), behind in product(everywhere, ("background", "strip", "cursor")):
        yield f"{name} on {behind}", color, getattr(palette, behind)
    for name in ("baseline", "reported", "train"):
        yield f"{name} on background", getattr(palette, name), palette.background
    yield "ink on the active tab", palette.ink, palette.accent
    for role, look in looks(palette).items():
        if look.behind >= 0 and not role.startswith("history"):  # those are drawn with dots, never with letters
            yield f"role {role}", look.color if look.color >= 0 else palette.text, look.behind


@PALETTE
def test_every_text_is_readable_on_every_background_it_may_stand_on(palette):
    low = {name: round(contrast(color, behind), 2) for name, color, behind in pairs(palette)}
    assert {name: ratio for name, ratio in low.items() if ratio < LEAST} == {}


@PALETTE
def test_the_roles_of_lines_are_too_faint_for_letters(palette):
    assert all(contrast(looks(palette)[role].color, palette.background) < LEAST for role in LINES_ONLY)


def test_contrast_is_that_of_the_standard():
    """Checked against the ratios that WCAG 2.2 states: 21 for black on white, and 4.54 for #767676 on white (gray 243)."""
    assert contrast(16, 231) == pytest.approx(21) and rgb(16) == (0, 0, 0) and rgb(231) == (255, 255, 255)
    assert hex_of(243) == "#767676" and contrast(243, 231) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("color", range(16, 256))
def test_a_color_has_the_components_that_terminals_give_it(color):
    assert rgb(color) == tuple(Color.from_ansi(color).get_truecolor())


@PALETTE
def test_every_role_has_a_style_in_every_theme_and_without_color(palette):
    for role in looks(palette):
        style = style_of(role, PREFIX + palette.name)
        if role != "heavy":  # the weight of another role, which it is put behind
            assert style.color is not None or style.bgcolor is not None
        assert style_of(role, PREFIX + palette.name, colorless=True).color is None
    with pytest.raises(KeyError):
        style_of("no such role", PREFIX + palette.name)


def test_without_color_what_matters_is_bold_and_tracks_vanish():
    plain = {
        role: style_of(role, "cifar-dark", colorless=True) for role in ("warn", "key", "mark", "bad", "strong", "ok")
    }
    assert [role for role, style in plain.items() if not style.bold] == ["ok"]  # its sign says it
    assert style_of("tab", "cifar-dark", colorless=True).reverse and cursor_style("cifar-dark", colorless=True).bold
    assert vanishes("track") and not vanishes("bar")


def test_colors_have_no_other_home_than_the_palette():
    raw = re.compile(r"(?<!\w)#[0-9a-fA-F]{3,6}\b|\brgb\(|\bcolor\(\d+|\b[34]8;[25]\b")
    found, home = [], Path(tui.__file__).parent / "drawing" / "palette.py"
    for path in Path(tui.__file__).parent.rglob("*"):
        if path.suffix in (".py", ".tcss") and path != home:
            found += [f"{path.name}: {line.strip()}" for line in path.read_text().splitlines() if raw.search(line)]
    assert found == []


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_style_sheet_has_only_colors_of_the_palette(theme):
    colors = [value for value in vars(theme).values() if isinstance(value, str) and value.startswith("#")]
    known = {hex_of(color) for color in range(16, 256)}
    assert colors and {*colors, *theme.variables.values()} <= known
    assert theme_of(palette_of(theme.name)) == theme


@PALETTE
def test_a_terminal_of_256_colors_gets_exactly_the_colors_chosen(palette):
    """Rich rounds some grays to a neighbor when it reduces a true color; an index needs no rounding."""
    for role in looks(palette):
        style = style_of(role, PREFIX + palette.name)
        (sent,) = Exact().apply([Segment("x", style)], BLACK)
        look = looks(palette)[role]
        for color, chosen in ((sent.style.color, look.color), (sent.style.bgcolor, look.behind)):
            assert (color.downgrade(ColorSystem.EIGHT_BIT).number if color else -1) == chosen


def test_roles_combine():
    style = style_of("bad field", "cifar-dark")
    assert (
        style.color == style_of("bad", "cifar-dark").color and style.bgcolor == style_of("field", "cifar-dark").bgcolor
    )


def test_a_color_that_is_none_of_the_256_is_sent_as_it_is():
    (sent,) = Exact().apply([Segment("x", Style.parse("#010203"))], BLACK)
    assert sent.style.color.triplet.hex == "#010203"


def test_no_color_keeps_bold_and_reverse():
    (sent,) = Colorless().apply([Segment("x", Style.parse("bold reverse red on blue"))], BLACK)
    assert sent.style == Style(bold=True, reverse=True)
