"""Queue: the runs that hold a device, and those that wait for one, in order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import ScreenResume

from engine.analysis.filter import parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.store import RunFolder, Summary
from engine.contract.text import one_line
from engine.launch.queue import Ticket, inspect
from tui.drawing.format import counted, duration
from tui.drawing.lines import Line, fit, heading
from tui.drawing.marks import mark_of, role_of
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

HEADER: Line = [("   place  id    recipe           seed  device       since     state", "dim")]


def ticket_rows(found: Sequence[Ticket]) -> list[Ticket | str]:
    """Tickets under headings: runs that hold a device, runs that wait for one, runs that wait in a scheduler."""
    rows: list[Ticket | str] = []
    for title, part in (
        ("on a device", [ticket for ticket in found if ticket.held]),
        ("waiting", [ticket for ticket in found if not ticket.held and ticket.number]),
        ("waiting in a scheduler", [ticket for ticket in found if not ticket.number and ticket.supervised]),
    ):
        if part:
            rows += [f"{title} {len(part)}", *part]
    return rows


def draw_ticket(
    ticket: Ticket,
    run: Summary | None,
    width: int,
    at_cursor: bool,
    now: float,
    mark: tuple[str, str] = (" ", ""),
) -> Line:
    """One ticket: its place in line, its run, its devices, since when, and what the run is doing.

    Args:
        mark: the mark and role of a marked run.
    """
    plain = "strong" if at_cursor else ""
    place = "●" if ticket.held else f"#{ticket.place}" if ticket.place else "-"
    recipe = one_line(run.recipe_name) if run else "?"
    device = ", ".join(short_device(name) for name in (ticket.held or ticket.candidates))
    note = one_line(run.note or run.phase) if run else ""
    if not ticket.supervised:
        note = "its supervisor is gone; training continues without it"
    return [
        ("▸" if at_cursor else " ", "mark"),
        (mark[0], mark[1]),
        (fit(place, 6, "right"), "live" if ticket.held else "warn"),
        ("  ", ""),
        (fit(ticket.run[-4:], 4), mark[1] or "id"),
        ("  ", ""),
        (fit(recipe, 16) + " ", plain),
        (fit(str(run.seed) if run else "-", 4, "right") + "  ", plain),
        (fit(one_line(device), 11) + "  ", "dim"),
        (fit(duration(now - ticket.since), 8) + "  ", "dim"),
        (fit(note, max(width - 62, 0)), "dim" if ticket.supervised else "bad"),
    ]


def short_device(name: str) -> str:
    """A device name that fits the column: `GPU-8a1f…` for a UUID, other names unchanged."""
    return name[:8] + "…" if name.startswith("GPU-") else name


class Tickets(LineList):
    """The tickets under their headings, with a cursor."""

    def __init__(self) -> None:
        super().__init__(id="tickets")
        self._rows: list[Ticket | str] = []
        self._runs: Mapping[str, Summary] = {}
        self._marks: Mapping[str, tuple[str, str]] = {}

    def row_count(self) -> int:
        return len(self._rows)

    def can_stand(self, row: int) -> bool:
        return isinstance(self._rows[row], Ticket)

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        ticket = self._rows[row]
        if isinstance(ticket, str):
            return heading(ticket, width - 1)
        mark = self._marks.get(ticket.run, (" ", ""))
        return draw_ticket(ticket, self._runs.get(ticket.folder), width, at_cursor, time.time(), mark)

    def drawn(self, width: int) -> list[Line]:
        """All rows without the cursor."""
        return [self.draw(row, width, at_cursor=False) for row in range(self.row_count())]

    @property
    def tickets(self) -> list[Ticket]:
        """All tickets that are shown."""
        return [row for row in self._rows if isinstance(row, Ticket)]

    @property
    def ticket(self) -> Ticket | None:
        """The ticket under the cursor."""
        row = self._rows[self.cursor] if self._rows else None
        return row if isinstance(row, Ticket) else None

    def show(self, rows: list[Ticket | str], runs: Mapping[str, Summary], marks: Mapping[str, tuple[str, str]]) -> None:
        """Show these tickets; `marks` has the mark and role of each marked run by id."""
        self._rows, self._runs, self._marks = rows, runs, marks
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

    def on_mount(self) -> None:
        self.query_one("#header", LineView).show([HEADER])
        self.set_interval(2.0, self._tick)

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
        marks = {run: (mark_of(slot)[0], role_of(slot)) for run, slot in self.workbench.session.slots.items()}
        shown = self._filtered(found, runs)
        self.query_one(Tickets).show(ticket_rows(shown), runs, marks)
        waiting = sum(not ticket.held for ticket in found)
        words = f" {len(found) - waiting} on a device, {waiting} waiting. Each run waits by itself; there is no daemon."
        empty = " The queue is empty. 4 opens New run, where ctrl+s starts or queues a run."
        message = (f" {one_line(trouble)}", "bad") if trouble else (words if found else empty, "dim")
        self.query_one("#summary", LineView).show([[message]])

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

        lines = self.query_one(Tickets).drawn(self.size.width)
        return Sheet("queue", lines=[HEADER, *lines]) if lines else None

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
