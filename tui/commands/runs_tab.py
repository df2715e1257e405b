"""The tabs of Inspect from the command line: printed, as SVG, or their images as a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.contract.errors import BadInput, nearest, nearest_or_all
from tui.commands.common import print_lines, say, terminal_width
from tui.drawing.palette import SLOTS

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import Summary
    from tui.inspection.facts import Facts
    from tui.inspection.tab import Tab

PAGE_LINES: Final = 38
"""Lines that a tab of Inspect is laid out for when it is printed."""


def facts_of(
    folder: RunFolder,
    row: Summary,
    others: Sequence[str],
    base: RunFolder | None,
    folders: Sequence[Path],
    on: str = "",
) -> Facts:
    """Everything that the tabs of Inspect show of a run, beside other runs and a baseline.

    Args:
        on: a further test set that they show in place of the test set. BadInput if the run has no results on it.
    """
    from engine.contract.run.index import Index
    from engine.contract.run.predicted import entries
    from engine.contract.run.store import find, summarize
    from tui.dashboard.accuracy_series import Look
    from tui.dashboard.view import RunView
    from tui.inspection.facts import read_facts

    known = [one.stem for one in entries(folder)]
    if on and on not in known:
        raise BadInput(f"--on {on!r}: run {folder.id} has no such test set{nearest_or_all(on, known)}")
    beside = [summarize(find(folders, other)) for other in others]
    baseline = summarize(base) if base is not None else None
    looks = [Look.of(slot, one.id) for slot, one in enumerate([row, *beside][:SLOTS])]
    return read_facts(RunView(folder), row, Index().rows(folders), beside[: SLOTS - 1], looks, baseline, on)


def tab_called(name: str) -> Tab:
    """The tab with this title in any case. Raises BadInput."""
    from tui.inspection.tabs import all_tabs

    tabs = {tab.title.lower(): tab for tab in all_tabs()}
    if name.lower() not in tabs:
        raise BadInput(f"--tab {name!r}: not one of {', '.join(tabs)}{nearest(name, list(tabs))}")
    return tabs[name.lower()]


def print_tab(facts: Facts, tab: Tab, images: Path | None, svg: Path | None) -> None:
    """Print a tab as plain text; with a file, write its images as PNG or the tab as SVG instead."""
    from tui.drawing.format import glyphs_of_terminal
    from tui.inspection.tab import Canvas

    if images is not None:
        from tui.inspection.sheets import save_sheet

        return say(f"wrote {save_sheet(facts, tab, images)} to {images}")
    if svg is not None:
        from tui.commands import svg_file
        from tui.drawing.palette import LIGHT
        from tui.drawing.svg import lines_part

        drawn = tab.draw(facts, Canvas(terminal_width(), PAGE_LINES, "braille", color=True))
        return svg_file.save([lines_part(drawn, LIGHT)], svg, "--svg", LIGHT)
    glyphs = glyphs_of_terminal()
    return print_lines(tab.draw(facts, Canvas(terminal_width(), PAGE_LINES, glyphs, color=False)), glyphs)
