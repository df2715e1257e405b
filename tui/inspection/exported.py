"""A tab of Inspect as the sheet that a key or a command writes into a file."""

from __future__ import annotations

from tui.drawing.sheet import Sheet
from tui.inspection.facts import Facts
from tui.inspection.tab import Canvas, Tab


def sheet_of(tab: Tab, facts: Facts, canvas: Canvas) -> Sheet:
    """The charts and tables of a tab; as SVG, a tab with heat or pictures is drawn as the screen shows it.

    Args:
        canvas: what that drawing is laid out for.
    """
    picture = tab.draw(facts, canvas) if tab.draws_pictures else []
    return Sheet(f"{tab.title.lower()}-{facts.view.run.id}", tab.charts(facts), tab.tables(facts), picture=picture)
