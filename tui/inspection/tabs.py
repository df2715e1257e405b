"""The tabs of Inspect in their order, and the line that names them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contract.text import one_line
from tui.drawing.lines import Line, clip, width_of
from tui.inspection.confusion_tab import ConfusionTab
from tui.inspection.disagree_tab import DisagreeTab
from tui.inspection.facts import Facts
from tui.inspection.mistakes_tab import MistakesTab
from tui.inspection.overview_tab import OverviewTab
from tui.inspection.tab import WIDE, Tab
from tui.inspection.text_tabs import LogTab, RecipeTab


def all_tabs() -> list[Tab]:
    """A fresh set of tabs."""
    return [OverviewTab(), ConfusionTab(), MistakesTab(), DisagreeTab(), RecipeTab(), LogTab()]


def tab_line(tabs: Sequence[Tab], chosen: int, facts: Facts | None, width: int) -> Line:
    """The titles of the tabs, the chosen one set off, and at the right which run is shown."""
    short = width < WIDE
    line: Line = []
    for i, tab in enumerate(tabs):
        title = f" {tab.short if short else tab.title} "
        line += [(" " if not short or not i else "", ""), (title, "tab" if i == chosen else "dim")]
    if facts is None:
        return clip(line, width)
    run, look = facts.overview.run, facts.look
    mark: Line = [(f"on {facts.set_name}  ", "strong")] if facts.on else []
    mark.append((f"{look.mark} {facts.id}", look.role))
    name = one_line(run.recipe_name, 30)
    source = f"imported ({one_line(run.layout)})" if run.layout else f"seed {run.seed}"
    for tail in ([*mark, (f"  {name}", ""), (f"  {source}", "dim")], [*mark, (f"  {name}", "")], mark):
        gap = width - width_of(line) - width_of(tail)
        if gap >= 2:
            return [*line, (" " * gap, ""), *tail]
    return clip(line, width)
