"""What `runs show` writes of the Dashboard and of the tabs of Inspect: printed, as tables, as SVG, or images as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.contract.errors import BadInput, nearest, nearest_or_all
from tui.commands.common import print_lines, print_or_write, say, terminal_width, width
from tui.drawing.palette import SLOTS

if TYPE_CHECKING:
    from engine.contract.run.folder import RunFolder
    from engine.contract.run.summary import Summary
    from tui.drawing.sheet import Sheet
    from tui.inspection.choice import TabOptions
    from tui.inspection.facts import Facts
    from tui.inspection.tab import Tab

FORMATS: Final = {"text": "txt", "md": "md", "latex": "tex", "csv": "csv", "json": "json"}
"""The formats of `--format`, and how their files end."""
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
    from tui.dashboard.accuracy_series import CurveStyle
    from tui.dashboard.view import RunView
    from tui.inspection.facts import read_facts

    known = [one.stem for one in entries(folder)]
    if on and on not in known:
        raise BadInput(f"--on {on!r}: run {folder.id} has no such test set{nearest_or_all(on, known)}")
    beside = [summarize(find(folders, other)) for other in others]
    baseline = summarize(base) if base is not None else None
    looks = [CurveStyle.of(slot, one.id) for slot, one in enumerate([row, *beside][:SLOTS])]
    return read_facts(RunView(folder), row, Index().rows(folders), beside[: SLOTS - 1], looks, baseline, on)


def tab_called(name: str) -> Tab:
    """The tab with this title in any case. Raises BadInput."""
    from tui.inspection.tabs import all_tabs

    tabs = {tab.title.lower(): tab for tab in all_tabs()}
    if name.lower() not in tabs:
        raise BadInput(f"--tab {name!r}: not one of {', '.join(tabs)}{nearest(name, list(tabs))}")
    return tabs[name.lower()]


def show_tab(facts: Facts, tab: Tab, choice: TabOptions, form: str, out: Path | None, svg: Path | None) -> None:
    """Print a tab as the screen shows it, or write what the options ask for.

    Args:
        choice: what is chosen by keys on the screen.
        form: one of `FORMATS`, in which its charts and tables are printed or written to `out`; else "".
        out: the file for its images, if there is no format.
        svg: the file for its charts and tables, or for the page if that has pictures.
    """
    from tui.drawing.format import glyphs_of_terminal
    from tui.inspection.exported import sheet_of
    from tui.inspection.sheets import save_sheet
    from tui.inspection.tab import Canvas

    wide = Canvas(terminal_width(), PAGE_LINES)
    tab.take(facts, choice)
    if form:
        return print_sheet(sheet_of(tab, facts, wide), form, out)
    if svg is not None:
        return save_svg(sheet_of(tab, facts, wide), svg)
    if out is not None:
        return say(f"wrote {save_sheet(facts, tab, out)} to {out}")
    glyphs = glyphs_of_terminal()
    return print_lines(tab.draw(facts, Canvas(terminal_width(), PAGE_LINES, glyphs, color=False)), glyphs)


def dashboard_sheet(folder: RunFolder, base: RunFolder | None, folders: Sequence[Path]) -> Sheet:
    """The charts and tables that the Dashboard shows of a run, beside a baseline and the seeds of its recipe."""
    import time

    from engine.contract.run.index import Index
    from tui.dashboard import exported
    from tui.dashboard.seeds import seeds_of
    from tui.dashboard.view import RunView

    view, other = RunView(folder), RunView(base) if base is not None else None
    view.poll()
    if other is not None:
        other.poll()
    siblings = seeds_of(other, Index().rows(folders)) if other is not None else []
    return exported.sheet_of(exported.scene_of(view, view.status(), other, siblings), time.time())


def print_sheet(sheet: Sheet, form: str, out: Path | None) -> None:
    """Print charts and tables in one of `FORMATS`, or write them to a file."""
    from tui.drawing.format import glyphs_of_terminal

    print_or_write(sheet.written(FORMATS[form], glyphs_of_terminal(), width()), out)


def save_svg(sheet: Sheet, file: Path) -> None:
    """Write charts and tables, or the page with its pictures, as SVG. Raises BadInput."""
    from tui.commands import svg_file
    from tui.drawing.palette import LIGHT

    svg_file.save(sheet.drawn(), file, "--svg", LIGHT)
