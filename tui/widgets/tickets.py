"""The list of Queue."""

from __future__ import annotations

from collections.abc import Sequence

from engine.launch.queue import Ticket
from tui.drawing.lines import Line, heading
from tui.drawing.queue_lines import run_line
from tui.drawing.queue_table import Queued, QueueSection
from tui.widgets.line_list import LineList


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
        if isinstance(shown, str):
            return heading(shown, width - 1) if shown else []
        return run_line(*shown, width, at_cursor)

    @property
    def runs(self) -> list[tuple[Queued, Sequence[str]]]:
        """All runs that are shown, with the cells of their rows."""
        return [row for row in self._rows if not isinstance(row, str)]

    @property
    def tickets(self) -> list[Ticket]:
        """All tickets that are shown."""
        return [one.ticket for one, _ in self.runs]

    @property
    def chosen(self) -> tuple[Queued, Sequence[str]] | None:
        """The run under the cursor with the cells of its row."""
        row = self._rows[self.cursor] if self._rows else ""
        return None if isinstance(row, str) else row

    @property
    def ticket(self) -> Ticket | None:
        """The ticket under the cursor."""
        return self.chosen[0].ticket if self.chosen else None

    def show(self, parts: Sequence[QueueSection], *, airy: bool) -> None:
        """Show these sections.

        Args:
            airy: a blank row above each heading but the first.
        """
        self._rows = []
        for part in parts:
            self._rows += [""] if airy and self._rows else []
            self._rows += [part.table.title, *zip(part.runs, part.table.rows, strict=True)]
        self.reload()
