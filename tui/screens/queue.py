"""Queue: the runs that hold a device, and those that wait for one, in order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

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
from tui.drawing.lines import Line, heading
from tui.drawing.marks import mark_of, role_of
from tui.drawing.queue_table import Queued, Section, head_line, run_line, sections
from tui.keys.common import GLOBAL, bindings
from tui.keys.key import footer
from tui.keys.queue import KEYS
from tui.plans.waiting import handed_over
from tui.screens.exports import Exports
from tui.screens.results_filter import FilterLine
from tui.screens.run_keys import RunKeys
from tui.widgets.key_line import KeyLine
from tui.widgets.line_list import LineList, LineView
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.drawing.sheet import Sheet


class Tickets(LineList):
    """The runs of the queue under the headings of their sections, with a cursor."""

    def __init__(self) -> None:
        super().__init__(id="tickets")
        self._rows: list[tuple[Queued, Sequence[str]] | str] = []
        """A heading, or a run with the cells of its row."""

    def row_count(self) -> int:
        return len(self._rows)

    def can_stand(self, row: int) -> bool:
        return not isinstance(self._rows[row], str)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        shown = self._rows[row]
        return heading(shown, width - 1) if isinstance(shown, str) else run_line(*shown, width, at_cursor)

    @property
    def tickets(self) -> list[Ticket]:
        """All tickets that are shown."""
        return [row[0].ticket for row in self._rows if not isinstance(row, str)]

    @property
    def ticket(self) -> Ticket | None:
        """The ticket under the cursor."""
        row = self._rows[self.cursor] if self._rows else ""
        return None if isinstance(row, str) else row[0].ticket

    def show(self, parts: Sequence[Section]) -> None:
        """Show these sections."""
        self._rows = []
        for part in parts:
            self._rows += [part.table.title, *zip(part.runs, part.table.rows, strict=True)]
        self.reload()


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
        yield KeyLine(footer([*KEYS, *GLOBAL]))

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[Sequence[Ticket], str] = ((), "")
        """The tickets as last read, and what is wrong with the queue."""
        self._sections: list[Section] = []
        """What the list shows."""

    def on_mount(self) -> None:
        self.set_interval(2.0, self._tick)

    def on_resize(self, event: Resize) -> None:
        self.query_one("#header", LineView).show([head_line(self.size.width)])

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
        found = [*found, *(ticket for ticket, _ in handed_over(self.workbench.session.summaries(), found))]
        runs = {row.folder: row for row in self.workbench.session.summaries()}
        self._sections = self._in_sections(self._filtered(found, runs), runs)
        self.query_one(Tickets).show(self._sections)
        waiting = sum(not ticket.held for ticket in found)
        words = f" {len(found) - waiting} on a device, {waiting} waiting. Each run waits by itself; there is no daemon."
        empty = " The queue is empty. 4 opens New run, where ctrl+s starts or queues a run."
        message = (f" {one_line(trouble)}", "bad") if trouble else (words if found else empty, "dim")
        self.query_one("#summary", LineView).show([[message]])

    def _in_sections(self, found: Sequence[Ticket], runs: Mapping[str, Summary]) -> list[Section]:
        """The tickets with their runs, and with the marks of those that have one."""
        slots = self.workbench.session.slots
        rows = [
            Queued(ticket, runs.get(ticket.folder), mark_of(slots[ticket.run])[0], role_of(slots[ticket.run]))
            if ticket.run in slots
            else Queued(ticket, runs.get(ticket.folder))
            for ticket in found
        ]
        return sections(rows, time.time())

    def _filtered(self, found: Sequence[Ticket], runs: Mapping[str, Summary]) -> Sequence[Ticket]:
        """The tickets whose runs match the filter; all of them while it is not valid."""
        line = self.query_one(FilterLine)
        shown, valid = found, True
        try:
            if line.text:
                known = [runs[ticket.folder] for ticket in found if ticket.folder in runs]
                kept = {run.folder for run in parse_filter(line.text).select(known)}
                shown = [ticket for ticket in found if ticket.folder in kept]
        except BadInput:
            valid = False
        line.show(f"{len(shown)} of {counted(len(found), 'run')}" if found else "", 0, invalid=not valid)
        self.query_one(KeyLine).set_typing(line.is_typing)
        return shown

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
            self.workbench.session.toggle_mark(run)
            self._read()
            self.query_one(Tickets).action_move(1)

    def _sheet(self) -> Sheet | None:
        from tui.drawing.sheet import Sheet  # imports NumPy

        return Sheet("queue", tables=[part.table for part in self._sections]) if self._sections else None

    def action_all(self) -> None:
        """Remove all marks; if there are none, mark every run of the queue that is shown."""
        session, shown = self.workbench.session, self.query_one(Tickets).tickets
        if session.marked:
            session.mark([], "unmarked all")
        elif shown:
            runs = [RunFolder(Path(ticket.folder)) for ticket in shown]
            session.mark(runs, f"marked {counted(len(runs), 'run')}")
        self._show(*self._found)

    def action_suites(self) -> None:
        self.workbench.show_suite("")
