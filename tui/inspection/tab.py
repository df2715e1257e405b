"""A tab of Inspect: what it draws, and what the keys do in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from tui.drawing.charts import Chart
from tui.drawing.format import Glyphs
from tui.drawing.lines import Line, width_of
from tui.drawing.typeset import Column, Table
from tui.inspection.choice import TabOptions
from tui.inspection.facts import Facts

WIDE: Final = 99
"""Cells from which a tab has a pane at the side: a terminal of 100 columns, without its right margin."""
WIDEST: Final = 159
"""Cells from which there is room for a third column, or for four pictures a row."""
GAP: Final = 2
"""Blank columns between two panes."""


AIRY: Final = 42
"""Rows from which a blank row stands above a heading: a terminal of 45, without the lines above and below the tab."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """The cells that a tab has, and what the terminal can show."""

    width: int
    height: int
    glyphs: Glyphs = "braille"
    color: bool = True
    waits: bool = False
    """Whether another key may follow at once, so that pictures are not drawn yet."""

    @property
    def air(self) -> list[Line]:
        """What stands above a heading: a blank row where there is room for it."""
        return [[]] if self.height >= AIRY else []

    @property
    def pictures(self) -> bool:
        """Whether pictures can be drawn; else their captions and where they are stand in their place."""
        return self.color and self.glyphs != "ascii"


class Tab:
    """Draws one tab. A key that means nothing in a tab says so: the methods return what to tell the user, or ""."""

    title: ClassVar[str]
    short: ClassVar[str]
    """The title below 100 columns."""
    draws_pictures: ClassVar[bool] = False
    """Whether it is drawn a moment after the last key, as pictures are."""

    def draw(self, facts: Facts, canvas: Canvas) -> list[Line]:
        """All lines of the tab; more than fit are scrolled."""
        raise NotImplementedError

    def tables(self, facts: Facts) -> list[Table]:
        """Everything that the tab prints, and what is scrolled away, as the tables that exports write."""
        raise NotImplementedError

    def charts(self, facts: Facts) -> list[Chart]:
        """The curves of the tab."""
        return []

    def compared(self, facts: Facts) -> list[str]:
        """Ids of the other runs that the tab shows, the one that it compares with first."""
        return []

    def take(self, facts: Facts, choice: TabOptions) -> None:
        """Show what the options of a command have chosen. Raises BadInput for one that means nothing here."""
        choice.refuse_all_but((), self.title)

    def options(self, facts: Facts) -> list[str]:
        """The options of the command that shows what the keys have chosen; see `take`."""
        return []

    def forget(self) -> None:
        """Another run is shown from now on."""

    @property
    def page_rows(self) -> int:
        """Rows of pictures on a page, through which page keys go; 0 where they scroll."""
        return 0

    def move(self, facts: Facts, right: int, down: int) -> bool:
        """Move to another cell or picture; False where there is nothing to move to, so that the page scrolls."""
        return False

    def enter(self, facts: Facts) -> str:
        return self._nothing("enter")

    def numbers(self, facts: Facts) -> str:
        return self._nothing("n")

    def order(self, facts: Facts) -> str:
        return self._nothing("o")

    def choose_class(self, facts: Facts) -> str:
        return self._nothing("c")

    def suspects(self, facts: Facts) -> str:
        return self._nothing("s")

    def other(self, facts: Facts) -> str:
        return self._nothing("v")

    def listed(self, facts: Facts) -> tuple[str, list[int]]:
        """What the images of the tab are, and their places in the predictions of the run, in the order shown."""
        return "", []

    def close(self) -> bool:
        """Close what enter has opened; False if nothing is open."""
        return False

    def _nothing(self, key: str) -> str:
        return f"{key} means nothing in {self.title}; ? lists the keys"


def explained(title: str, why: str) -> Table:
    """A table that says why there is nothing to show."""
    return Table(title, (Column("nothing to show", wraps=True),), ((why,),))


def beside(columns: list[tuple[list[Line], int]], height: int = 0) -> list[Line]:
    """Columns of lines side by side, each padded to its width, with blank columns between them."""
    rows = height or max(len(lines) for lines, _ in columns)
    out: list[Line] = []
    for y in range(rows):
        row: Line = []
        for i, (lines, width) in enumerate(columns):
            line = lines[y] if y < len(lines) else []
            row += line
            if i < len(columns) - 1:
                row.append((" " * (width - width_of(line) + GAP), ""))
        out.append(row)
    return out
