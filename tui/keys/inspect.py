"""The keys of Inspect."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.keys.families import ACTS, CHARTS, EXPORT, OTHER_RUN, in_line, take
from tui.keys.key import Key

_EXPORT: Final = (
    "Save the charts and tables of this tab as SVG, text, Markdown, LaTeX, CSV or JSON, or its images as PNG "
    "(cifar-tui runs show RUN --tab TAB --format md; --svg FILE; --out FILE)."
)

KEYS: Final = in_line(
    (
        Key("tab", "tab(1)", "next tab", "The next tab; a click on its title does the same."),
        Key("shift+tab", "tab(-1)", "previous tab", "The previous tab."),
        *OTHER_RUN,
        Key("left,h", "point(-1, 0)", "left", "The cell or picture to the left; in Overview, move the cursor."),
        Key("right,l", "point(1, 0)", "right", "The cell or picture to the right; in Overview, move the cursor."),
        Key("down,j", "point(0, 1)", "down", "The cell or picture below; elsewhere scroll down, as the wheel does."),
        Key("up,k", "point(0, -1)", "up", "The cell or picture above; elsewhere scroll up, as the wheel does."),
        Key("pagedown", "page(1)", "page down", "One page down, of pictures as well."),
        Key("pageup", "page(-1)", "page up", "One page up, of pictures as well."),
        Key("enter", "enter", "open", "Show the images of the cell, or everything about the picture; q closes it."),
        Key("n", "numbers", "counts/percent", "Switch between image counts and percent of the class (--percent)."),
        Key("o", "order", "order", "Order the classes by similarity, or the mistakes by another figure (--order)."),
        Key("c", "class", "class", "Show the images of one class only, then of the next, then of all (--class)."),
        Key("s", "suspects", "suspects", "Show only images whose label is worth a look; again: all (--suspects)."),
        Key("v", "other", "other run", "Compare with the next of the other marked runs."),
        Key("d", "data", "test set", "Show the next further test set in all tabs, then the test set again."),
        *take(CHARTS, "+ - r 0 a x w"),
        Key("left_square_bracket", "read(-1)", "cursor", "Read the curves of Overview at the epoch before."),
        Key("right_square_bracket", "read(1)", "cursor", "Read the curves of Overview at the next epoch."),
        Key("shift+left,left_curly_bracket", "read(-10)", "cursor by ten", "Move the cursor ten epochs to the left."),
        Key("shift+right,right_curly_bracket", "read(10)", "cursor by ten", "Move it ten epochs to the right."),
        *take(ACTS, "R E D t e b"),
        Key(
            "y",
            "copy",
            "copy command",
            "Copy the command that prints this tab as it is: cifar-tui runs show RUN --tab TAB.",
        ),
        *(replace(row, help=_EXPORT) for row in EXPORT),
    ),
    "tab , . E R t e b",
)

_OF_TABS: Final = {
    "Overview": "tab , . d [ ] x a w r E R t e b y",
    "Confusion": "tab enter n o d , . Y E R t e b y",
    "Mistakes": "tab enter c o s d , . Y E R t e b y",
    "Disagree": "tab enter c v d , . Y E R t e b y",
    "Recipe": "tab , . E R t e b y",
    "Log": "tab , . E R t e b y",
}
"""The keys in the key line of each tab, the most important first. They all are keys that mean something in that tab."""


def keys_in(tab: str) -> tuple[Key, ...]:
    """All keys of Inspect, with ranks in the key line for those that mean something in the tab with this title."""
    return in_line(KEYS, _OF_TABS[tab])
