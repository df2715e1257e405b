"""Queue: the runs that hold a device, and those that wait for one, in order."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize, ScreenResume

from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, Summary
from engine.contract.text import one_line
from engine.launch.queue import Ticket, inspect
from tui.drawing.format import counted
from tui.drawing.lines import Line
from tui.drawing.marks import mark_of, role_of
from tui.drawing.queue_lines import detail_lines, ended_lines, head_line
from tui.drawing.queue_table import Queued, QueueSection, ended_lately, ended_table, sections
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer
from tui.keys.queue import KEYS
from tui.plans.waiting import handed_over
from tui.screens.exports import Exports
from tui.screens.results_filter import FilterLine
from tui.screens.run_keys import RunKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineView
from tui.widgets.tickets import Tickets
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.drawing.sheet import Sheet


AIRY: Final = 45
"""From this height on, a blank row stands above a heading."""
TALL: Final = 36
"""From this height on, the runs that have ended lately are listed below the queue."""
MOST_DETAILS: Final = 5
"""Lines about the run under the cursor at most."""
_LEAST_LIST: Final = 3
"""Rows of the list that are shown in any case."""
_BARS: Final = 5  # rows of the top bar, the summary, the filter, the heads and the key line


def _counts(found: Sequence[Ticket], width: int) -> str:
    """How many runs there are in each section, and how they wait where there is room for it."""
    held = sum(bool(ticket.held) for ticket in found)
    here = sum(not ticket.held and ticket.number > 0 for ticket in found)
    parts = [f"{held} on a device", f"{here} waiting"]
    parts += [f"{len(found) - held - here} waiting in a scheduler"] if len(found) > held + here else []
    words = f" {', '.join(parts)}."
    more = " Each run waits by itself; there is no daemon."
    return words + more if len(words) + len(more) <= width else words


class Queue(RunKeys, Exports):
    """The queue of this machine."""

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#tickets"

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="summary")
        yield FilterLine()
        yield LineView(id="header")
        yield Tickets()
        yield LineView(id="details")
        yield LineView(id="ended")
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[Sequence[Ticket], str] = ((), "")
        """The tickets as last read, and what is wrong with the queue."""
        self._sections: list[QueueSection] = []
        """What the list shows."""
        self._ended: list[Summary] = []
        """The runs that have ended lately."""
        self._detail_rows = 0
        """Lines about the run under the cursor: as many as any run of the list needs, so that nothing below moves."""

    def on_mount(self) -> None:
        self.set_interval(2.0, self._tick)

    def on_resize(self, event: Resize) -> None:
        self.query_one("#header", LineView).show([head_line(self.size.width)])
        if self._sections or self._ended:
            self._show(*self._found)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._read()

    def runs_changed(self) -> None:
        """Read the tickets again after a run has changed its status."""
        self._read()

    def _tick(self) -> None:
        if self.is_current:
            self._read()

    @work(thread=True, group="queue", exit_on_error=False)
    def _read(self) -> None:
        self.app.call_from_thread(self._show, *inspect())

    def _show(self, found: Sequence[Ticket], trouble: str) -> None:
        self._found = found, trouble
        found = [*found, *(ticket for ticket, _ in handed_over(self.workbench.workspace.summaries(), found))]
        runs = {row.folder: row for row in self.workbench.workspace.summaries()}
        shown, kept = self._filtered(found, runs)
        self._sections = self._in_sections(shown, runs)
        self._ended = ended_lately(kept, time.time())
        self.query_one(Tickets).show(self._sections, airy=self.app.size.height >= AIRY)
        self._detail_rows = max(map(len, map(self._lines_about, self.query_one(Tickets).runs)), default=0)
        self._show_below()
        words = _counts(found, self.app.size.width)
        empty = " The queue is empty. 4 opens New run, where ctrl+s starts or queues a run."
        message = (f" {one_line(trouble)}", "bad") if trouble else (words if found else empty, "dim")
        self.query_one("#summary", LineView).show([[message]])

    def _lines_about(self, row: tuple[Queued, Sequence[str]]) -> list[Line]:
        return detail_lines(*row, self.app.size.width, MOST_DETAILS)

    def _show_below(self) -> None:
        """Show everything about the run under the cursor, and in the remaining rows the runs that have ended lately."""
        width, height = self.app.size
        tickets = self.query_one(Tickets)
        details = self._lines_about(tickets.chosen) if tickets.chosen else []
        details += [[] for _ in range(self._detail_rows - len(details))]
        least = min(tickets.row_count(), _LEAST_LIST)
        listed = max(min(tickets.row_count(), height - _BARS - len(details) - (2 if height >= TALL else 0)), least)
        tickets.styles.height = listed or 1
        room = height - _BARS - listed - len(details) - 2  # a blank row above each
        ended = ended_lines(self._ended, width, room) if height >= TALL else []
        air: list[Line] = [[]] if height >= TALL else []
        for name, lines in (("#details", details), ("#ended", ended)):
            view, shown = self.query_one(name, LineView), [*air, *lines] if lines else []
            view.styles.height = len(shown)
            view.show(shown)

    def on_line_list_moved(self) -> None:
        self._show_below()

    def _in_sections(self, found: Sequence[Ticket], runs: Mapping[str, Summary]) -> list[QueueSection]:
        """The tickets with their runs, and with the marks of those that have one."""
        slots = self.workbench.workspace.slots
        rows = [
            Queued(ticket, runs.get(ticket.folder), mark_of(slots[ticket.run])[0], role_of(slots[ticket.run]))
            if ticket.run in slots
            else Queued(ticket, runs.get(ticket.folder))
            for ticket in found
        ]
        return sections(rows, time.time())

    def _filtered(
        self, found: Sequence[Ticket], runs: Mapping[str, Summary]
    ) -> tuple[Sequence[Ticket], Collection[Summary]]:
        """The tickets whose runs match the filter, and all runs that do; all of them while it is not valid."""
        line = self.query_one(FilterLine)
        kept: Collection[Summary] = runs.values()
        shown, valid = found, True
        try:
            if line.text:
                kept = parse_filter(line.text).select(list(runs.values()))
                folders = {run.folder for run in kept}
                shown = [ticket for ticket in found if ticket.folder in folders]
        except BadInput:
            valid = False
        line.show(f"{len(shown)} of {counted(len(found), 'run')}" if found else "", 0, invalid=not valid)
        self.query_one(KeyLine).set_typing(line.is_typing)
        return shown, kept

    def action_filter(self) -> None:
        self.query_one(FilterLine).edit()
        self._show(*self._found)

    def on_filter_line_changed(self) -> None:
        self._show(*self._found)

    def on_filter_line_closed(self) -> None:
        self.query_one(Tickets).focus()
        self._show(*self._found)

    def leave(self) -> bool:
        """Esc removes the filter before it leaves the screen."""
        line = self.query_one(FilterLine)
        filtered = bool(line.text)
        if filtered:
            line.clear()
        return filtered

    def _run(self) -> RunFolder | None:
        """The run under the cursor."""
        ticket = self.query_one(Tickets).ticket
        return RunFolder(Path(ticket.folder)) if ticket else None

    def on_line_list_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if run := self._run():
            self.workbench.open_run(run)

    def action_cancel(self) -> None:
        ticket, run = self.query_one(Tickets).ticket, self._run()
        if ticket and run:
            if ticket.held:
                self.say(f"{run.id[-4:]} holds a device: press S to stop it")
            else:
                self.ask_cancel(run)

    def action_mark(self) -> None:
        if run := self._run():
            self.workbench.workspace.toggle_mark(run)
            self._read()
            self.query_one(Tickets).action_move(1)

    def _sheet(self) -> Sheet | None:
        from tui.drawing.sheet import Sheet  # imports NumPy

        tables = [part.table for part in self._sections]
        tables += [ended_table(self._ended)] if self._ended else []
        return Sheet("queue", tables=tables) if tables else None

    def action_all(self) -> None:
        """Remove all marks; if there are none, mark every run of the queue that is shown."""
        workspace, shown = self.workbench.workspace, self.query_one(Tickets).tickets
        if workspace.marked:
            workspace.mark([], "unmarked all")
        elif shown:
            runs = [RunFolder(Path(ticket.folder)) for ticket in shown]
            workspace.mark(runs, f"marked {counted(len(runs), 'run')}")
        self._show(*self._found)

    def action_suites(self) -> None:
        self.workbench.show_suite("")
