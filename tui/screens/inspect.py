"""Inspect: one run in tabs, from its result down to single images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import MouseScrollDown, MouseScrollUp, Resize, ScreenResume
from textual.timer import Timer

from engine.contract.run.store import RunFolder
from tui.drawing.lines import Line
from tui.inspection.disagree_tab import DisagreeTab
from tui.inspection.facts import Facts
from tui.inspection.tab import Canvas, Tab
from tui.inspection.tabs import all_tabs, tab_line
from tui.keys.common import bindings
from tui.keys.inspect import KEYS, keys_in
from tui.keys.key import Key
from tui.screens.inspect_exports import InspectExports
from tui.screens.inspected_run import InspectedRun
from tui.screens.plot_keys import PlotKeys
from tui.screens.run_keys import SelectedRunKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane
from tui.widgets.top_bar import TopBar

WHEEL_LINES: Final = 3
"""How many lines one notch of the wheel scrolls."""
REST_SECONDS: Final = 0.15
"""How long after the last key pictures are drawn."""
NO_RUNS: Final = " no runs yet: 4 opens New run"


class Inspect(InspectedRun, InspectExports, SelectedRunKeys, PlotKeys):
    """The selected run, tab by tab. What a tab draws, and what keys do in it, is in `tui.inspection`."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._tabs = all_tabs()
        self._chosen = 0
        self._rest: Timer | None = None
        """Runs while the pictures wait for the last key."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Pane(self._titles, id="tabs")
        yield Pane(self._page, id="page")
        yield KeyLine(self._pairs())

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._choose_run()
        self._show_disagreement()

    def _show_disagreement(self) -> None:
        """Open Disagree with the run that Compare has asked for."""
        workspace = self.workbench.workspace
        against, workspace.against = workspace.against, None
        if against is not None:
            place = next(i for i, tab in enumerate(self._tabs) if isinstance(tab, DisagreeTab))
            tab = self._tabs[place]
            assert isinstance(tab, DisagreeTab)
            tab.choose(against.id)
            self._choose_tab(place)

    def on_resize(self, event: Resize) -> None:
        self._draw()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._rest = None
        for pane in self.query(Pane):
            pane.redraw()

    def _draw_later(self) -> None:
        """Draw once no key has been pressed for a moment."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self._draw)
        self.query_one("#page", Pane).redraw()

    def _titles(self, width: int, height: int) -> list[Line]:
        return [tab_line(self._tabs, self._chosen, self._facts, width)]

    def _page(self, width: int, height: int) -> list[Line]:
        shown = self._shown()
        if shown is None:
            return [[], [(NO_RUNS, "dim")]]
        tab, facts = shown
        pane = self.query_one("#page", Pane)
        canvas = Canvas(width, height, pane.glyphs, not self.app.no_color, waits=self._rest is not None)
        lines = tab.draw(facts, canvas)
        self._top = max(min(self._top, len(lines) - height), 0)
        return lines[self._top :]

    # --- keys -------------------------------------------------------------------------------------------------

    def _rows(self) -> Sequence[Key]:
        return keys_in(self._tabs[self._chosen].title)

    def _choose_tab(self, place: int) -> None:
        self._chosen = place % len(self._tabs)
        self._top = 0
        self.query_one(KeyLine).set_pairs(self._pairs())
        self._changed()

    def action_tab(self, step: int) -> None:
        self._choose_tab(self._chosen + step)

    def on_line_view_clicked(self, event: LineView.Clicked) -> None:
        titles = [name for tab in self._tabs for name in (tab.title, tab.short)]
        if event.control.id == "tabs" and event.text.strip() in titles:
            self._choose_tab(titles.index(event.text.strip()) // 2)

    def _changed(self) -> None:
        """Draw the tab after a key: at once, but its pictures when no other key follows."""
        if self._tabs[self._chosen].draws_pictures:
            self._draw_later()
            self.query_one("#tabs", Pane).redraw()
        else:
            self._draw()

    def action_point(self, right: int, down: int) -> None:
        if self._facts is None:
            return
        if self._tabs[self._chosen].move(self._facts, right, down):
            self._changed()
        elif down:
            self._scroll(down)
        elif self._chosen == 0:
            self.action_read(right)

    def action_page(self, pages: int) -> None:
        tab = self._tabs[self._chosen]
        if self._facts is not None and tab.page_rows and tab.move(self._facts, 0, pages * tab.page_rows):
            self._changed()
            return
        self._scroll(pages * max(self.query_one("#page").size.height - 1, 1))

    def _scroll(self, rows: int) -> None:
        self._top += rows
        self.query_one("#page", Pane).redraw()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._scroll(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._scroll(-WHEEL_LINES)

    def _tell(self, key: str) -> None:
        """Let the tab do what a key means there, and tell the user what came of it."""
        if self._facts is not None:
            words = getattr(self._tabs[self._chosen], key)(self._facts)
            if words:
                self.say(words)
            self._changed()

    def action_enter(self) -> None:
        self._tell("enter")

    def action_numbers(self) -> None:
        self._tell("numbers")

    def action_order(self) -> None:
        self._tell("order")

    def action_class(self) -> None:
        self._tell("choose_class")

    def action_suspects(self) -> None:
        self._tell("suspects")

    def action_other(self) -> None:
        self._tell("other")

    def action_data(self) -> None:
        """Show another test set: the further ones in their order, then the test set."""
        if self._facts is None:
            return
        names = ["", *(one.stem for one in self._facts.further)]
        if len(names) == 1:
            self.say("only the test set so far: cifar-tui runs predict RUN --data DATA tests the run on another one")
            return
        here = names.index(self._facts.on.stem) if self._facts.on else 0
        self._on = names[(here + 1) % len(names)]
        self._read(self._facts.view)

    def action_read(self, epochs: int) -> None:
        """Move the cursor of the curves."""
        self.action_cursor(epochs)

    def leave(self) -> bool:
        """Close what enter has opened; False if nothing is open."""
        closed = self._tabs[self._chosen].close()
        if closed:
            self._changed()
        return closed

    def _last_epoch(self) -> int:
        return self._facts.view.done_epochs if self._facts else 0

    def _run(self) -> RunFolder | None:
        """The run that is shown."""
        return self._facts.view.run if self._facts is not None else None

    def _shown(self) -> tuple[Tab, Facts] | None:
        if self._facts is None:
            return None
        return self._tabs[self._chosen], replace(self._facts, options=self._options)
