"""The colors of the workbench: one palette per theme, and what each role of a piece of text looks like in it.

Every color is one of the 256 of xterm, which tmux and plain SSH support without true color; a number here is its index.
The Okabe-Ito palette (Okabe and Ito, "Color Universal Design", 2008) is safe for color-blind readers; its colors are
lightened until text is readable on the dark background.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

SLOTS: Final = 8
"""How many runs can have a color and a mark of their own."""
_CUBE: Final = (0x00, 0x5F, 0x87, 0xAF, 0xD7, 0xFF)


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme. Each field is a color, or several in order."""

    name: str
    dark: bool
    background: int
    strip: int
    """Behind the top bar, the key line, input fields and history strips."""
    cursor: int
    """Behind the row under the cursor."""
    track: int
    """The rest of a bar."""
    grid: int
    """Lines behind curves; never for letters."""
    rule: int
    """Lines of headings and axes; never for letters."""
    text: int
    strong: int
    quiet: int
    accent: int
    ink: int
    """Letters on the accent color: the active tab."""
    attention: int
    better: int
    worse: int
    bad: int
    baseline: int
    reported: int
    runs: tuple[int, ...]
    """One for each slot."""
    faint: tuple[int, ...]
    """The faint twin of each: raw points, the rest of a plan."""
    train: int
    faint_train: int
    history: tuple[int, ...]
    """From low to high."""
    heat: tuple[int, ...]
    """Nine steps from low to high, used as backgrounds."""
    heat_inks: tuple[int, int]
    """Letters on heat: whichever of the two contrasts more."""
    right: int
    """Behind right answers on the diagonal of a matrix."""


_DARK_HEAT: Final = (235, 236, 53, 89, 125, 161, 203, 215, 222)
DARK: Final = Palette(
    "dark", True,
    background=233, strip=235, cursor=236, track=237, grid=236, rule=239,
    text=252, strong=255, quiet=247, accent=75, ink=233, attention=215, better=114, worse=221, bad=210,
    baseline=248, reported=139,
    runs=(75, 215, 114, 176, 80, 222, 209, 147), faint=(24, 94, 22, 53, 23, 58, 95, 60),
    train=180, faint_train=59, history=(24, 31, 74, 75), heat=_DARK_HEAT, heat_inks=(231, 233), right=24,
)  # fmt: skip
LIGHT: Final = Palette(
    "light", False,
    background=231, strip=254, cursor=254, track=253, grid=254, rule=249,
    text=236, strong=232, quiet=240, accent=25, ink=231, attention=94, better=22, worse=94, bad=124,
    baseline=241, reported=96,
    runs=(25, 94, 22, 90, 23, 52, 124, 55), faint=(153, 223, 157, 183, 152, 187, 217, 189),
    train=95, faint_train=252, history=(153, 111, 68, 25), heat=(254, 254, 224, 217, 210, 203, 161, 125, 89),
    heat_inks=(231, 232), right=111,
)  # fmt: skip
OKABE_ITO: Final = Palette(
    "okabe-ito", True,
    background=233, strip=235, cursor=236, track=237, grid=236, rule=239,
    text=252, strong=255, quiet=247, accent=74, ink=233, attention=178, better=74, worse=178, bad=209,
    baseline=248, reported=139,
    runs=(74, 178, 209, 228, 42, 141, 117, 220), faint=(24, 94, 95, 58, 23, 60, 66, 94),
    train=180, faint_train=59, history=(24, 31, 74, 74), heat=_DARK_HEAT, heat_inks=(231, 233), right=24,
)  # fmt: skip
PALETTES: Final = {palette.name: palette for palette in (DARK, LIGHT, OKABE_ITO)}
"""All palettes by name."""
INK, FAINT, PAPER = "#1a1a1a", "#6a6a6a", "#ffffff"
"""Text, quiet text and background of pictures for documents, which are no terminals."""


# --- colors ---------------------------------------------------------------------------------------------------


def rgb(color: int) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of a color from 16 on: the 6 x 6 x 6 cube, then 24 grays."""
    if color >= 232:
        level = 8 + 10 * (color - 232)
        return level, level, level
    red, rest = divmod(color - 16, 36)
    return _CUBE[red], _CUBE[rest // 6], _CUBE[rest % 6]


def hex_of(color: int) -> str:
    """The color as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb(color))


def luminance(color: int) -> float:
    """Relative luminance, 0..1, as WCAG 2.2 defines it."""
    channels = [level / 255 for level in rgb(color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: int, other: int) -> float:
    """The contrast ratio of two colors, 1..21, as WCAG 2.2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# --- roles ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """How a role looks. Without color (NO_COLOR) only `plain` applies, a style of Rich: "bold", "dim", "reverse"."""

    color: int = -1
    """-1 for that of the surrounding text."""
    behind: int = -1
    """The background; -1 for that of the surrounding text."""
    bold: bool = False
    plain: str = ""
    vanishes: bool = False
    """Whether blanks stand in its place without color."""


@cache
def looks(palette: Palette) -> dict[str, Look]:
    """The look of every role of `tui.drawing.lines`."""
    found = {
        "dim": Look(palette.quiet, plain="dim"),
        "strong": Look(palette.strong, bold=True, plain="bold"),
        "rule": Look(palette.rule, plain="dim"),
        "box": Look(palette.rule, plain="dim"),
        "grid": Look(palette.grid, plain="dim"),
        "track": Look(palette.track, vanishes=True),
        "accent": Look(palette.accent, plain="bold"),
        "id": Look(palette.accent),
        "key": Look(palette.accent, bold=True, plain="bold"),
        "live": Look(palette.accent, bold=True, plain="bold"),
        "tab": Look(palette.ink, palette.accent, bold=True, plain="bold reverse"),
        "mark": Look(palette.attention, bold=True, plain="bold"),
        "ok": Look(palette.better),
        "warn": Look(palette.worse, plain="bold"),
        "hot": Look(palette.worse, plain="bold"),
        "bad": Look(palette.bad, plain="bold"),
        "field": Look(behind=palette.strip, plain="underline"),
        "bar": Look(palette.runs[0]),
        "test": Look(palette.runs[0]),
        "clean": Look(palette.runs[2]),
        "other": Look(palette.runs[4]),
        "train": Look(palette.train),
        "faint-train": Look(palette.faint_train, plain="dim"),
        "baseline": Look(palette.baseline, plain="dim"),
        "faint-baseline": Look(palette.rule, plain="dim"),
        "reported": Look(palette.reported, plain="dim"),
        "heavy": Look(bold=True, plain="bold"),
        "frame": Look(palette.accent, plain="bold"),
        "right": Look(ink_on(palette.right, palette.heat_inks), palette.right, bold=True),
    }
    found |= {f"run-{i}": Look(color) for i, color in enumerate(palette.runs)}
    found |= {f"faint-{i}": Look(color, plain="dim") for i, color in enumerate(palette.faint)}
    found |= {f"history-{i}": Look(color, palette.strip) for i, color in enumerate(palette.history)}
    found |= {f"part-{i}": Look(color) for i, color in enumerate(palette.history)}
    found |= {
        f"heat-{i}": Look(ink_on(color, palette.heat_inks), color, plain="bold" if i >= len(palette.heat) // 2 else "")
        for i, color in enumerate(palette.heat)
    }
    return found


def ink_on(background: int, inks: tuple[int, int]) -> int:
    """Whichever of two colors contrasts more with the background."""
    return max(inks, key=lambda ink: contrast(ink, background))
