"""The log of a run: the messages from its events, or the raw output of its processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from engine.contract.run.logfile import tail
from engine.contract.text import clean, one_line
from tui.dashboard.log import log_lines
from tui.dashboard.view import RunView
from tui.drawing.lines import Line, heading
from tui.drawing.log_tail import LogLine, draw_log_line, log_table
from tui.keys.common import bindings
from tui.keys.key import footer
from tui.keys.log import KEYS
from tui.screens.exports import OF_TABLES, Exports
from tui.widgets.key_line import KeyLine
from tui.widgets.key_order import OpensWithInput
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList, LineView
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.drawing.sheet import Sheet

RAW_BYTES: Final = 256 * 1024
"""How many bytes of log.txt are read, from its end."""


def raw_lines(path: Path) -> list[LogLine]:
    """The last lines of log.txt, without a first line that was cut off; empty if there is no such file."""
    data = tail(path, RAW_BYTES)
    lines = data.decode(errors="replace").splitlines()[1 if len(data) == RAW_BYTES else 0 :]
    return [LogLine(0.0, line) for line in lines if line.strip()]


class LogLines(LineList):
    """The lines, with a cursor; lines that match the search are marked."""

    def __init__(self) -> None:
        super().__init__(id="lines")
        self.rows: list[LogLine] = []
        self.search_text = ""

    def row_count(self) -> int:
        return len(self.rows)

    def matches(self, row: int) -> bool:
        return bool(self.search_text) and self.search_text.lower() in self.rows[row].text.lower()

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        line = draw_log_line(self.rows[row], width)
        return [("▸" if self.matches(row) else " ", "mark"), *line[0:1], *line[1:]]


class Log(Exports, OpensWithInput):
    """The log of one run."""

    KEYS = KEYS
    KEYS_OF = "log"
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    AUTO_FOCUS = "#lines"
    DEFAULT_CSS = """
    Log {
        #lines { height: 1fr; }
        #find { height: 1; }
    }
    """

    def __init__(self, view: RunView, *, searching: bool = False) -> None:
        super().__init__()
        self._view = view
        self._searching = self.expects_typing = searching
        self._raw = False
        self._follow = True

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield LineView(id="heading")
        yield LogLines()
        yield LineInput(id="find", placeholder="find").hidden()
        yield KeyLine(footer(KEYS))

    def on_mount(self) -> None:
        self._read()
        self.query_one(LogLines).action_last()
        self.set_interval(1.0, self._tick)
        if self._searching:
            self.action_search()

    def _tick(self) -> None:
        if self.is_current and (self._view.poll() or self._raw):
            self._read()

    def _read(self) -> None:
        """Read the lines again. When following, the cursor stays at the end."""
        lines = self.query_one(LogLines)
        rows = raw_lines(self._view.run.log) if self._raw else log_lines(self._view.history)
        if rows != lines.rows:
            lines.rows = rows
            lines.reload()
            if self._follow:
                lines.action_last()
        what = "raw output" if self._raw else "log"
        name = f"{what} of {one_line(self._view.name)} {self._view.short_id}"
        follow = "following" if self._follow else ""
        self.query_one("#heading", LineView).show(
            [heading(name, self.size.width - 1, [follow or f"{len(rows)} lines"])]
        )

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Follow only while the cursor is on the last line."""
        self._follow = event.row >= len(self.query_one(LogLines).rows) - 1
        self._read()

    def action_follow(self) -> None:
        self._follow = not self._follow
        if self._follow:
            self.query_one(LogLines).action_last()
        self._read()

    def action_raw(self) -> None:
        self._raw = not self._raw
        self._follow = True
        self._read()

    def action_copy(self) -> None:
        run = self._view.run.id
        shown = f"logs {run}" if self._raw else f"show {run} --tab log"
        self.workbench.copy(f"cifar-tui runs {shown}", "command")

    def _sheet(self) -> Sheet | None:
        """The lines that are shown: the messages as a table, the raw output as it is."""
        from tui.drawing.sheet import Sheet

        rows, run = self.query_one(LogLines).rows, self._view.run.id
        if self._raw:
            return Sheet(f"output-{run}", lines=[[(clean(row.text), "")] for row in rows]) if rows else None
        return Sheet(f"log-{run}", tables=[log_table(rows)]) if rows else None

    def _formats(self, sheet: Sheet) -> Mapping[str, str]:
        return {"txt": "text", **(OF_TABLES if sheet.tables else {})}

    def action_search(self) -> None:
        self.query_one("#find", LineInput).edit(self.query_one(LogLines).search_text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        lines = self.query_one(LogLines)
        lines.search_text = event.value
        event.input.display = False
        lines.focus()
        lines.refresh()
        self.action_find(-1)

    def on_line_input_canceled(self) -> None:
        """Close the search line, not the log."""
        self.query_one("#find", Input).display = False
        self.query_one(LogLines).focus()

    def action_find(self, step: int) -> None:
        """Go to the next match in the direction of `step`, wrapping around at the ends."""
        lines = self.query_one(LogLines)
        count = len(lines.rows)
        for i in range(1, count + 1):
            row = (lines.cursor + step * i) % count
            if lines.matches(row):
                lines.cursor = row
                return
        if lines.search_text:
            self.notify(f"no line contains {one_line(lines.search_text, 40)!r}", markup=False)
