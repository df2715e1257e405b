"""The line above the table of Results: the filter, and how many runs it leaves."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.drawing.format import file_size
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineView

EXAMPLE = "acc>0.95 model:resnet34 tag:paper status:failed"


class FilterLine(Horizontal):
    """Shows the filter's text; while it is edited, an input in its place."""

    class Changed(Message):
        """The text is another one, finished or not."""

    class Closed(Message):
        """The input was closed: the table takes the focus again."""

    def __init__(self) -> None:
        super().__init__(id="filter-row")
        self.text = ""

    def compose(self) -> ComposeResult:
        yield LineView(id="filter-text")
        yield LineInput(id="filter", placeholder=EXAMPLE).hidden()
        yield LineView(id="counts")

    @property
    def is_typing(self) -> bool:
        """Whether the input is open."""
        return bool(self.query_one("#filter", Input).display)

    def edit(self) -> None:
        """Open the input."""
        self.query_one("#filter-text").display = False
        self.query_one("#filter", LineInput).edit(self.text)

    def clear(self) -> None:
        """Remove the filter and close the input."""
        self.query_one("#filter", Input).value = ""
        self.text = ""
        self._close()

    def show(self, counts: str, trash: int, *, invalid: bool) -> None:
        """Draw the filter and, at the right, the counts; the size of the trash in bytes where there is room for it."""
        role = "bad" if invalid else "" if self.text else "dim"
        self.query_one("#filter-text", LineView).show([[(" / ", "key"), (self.text or "filter", role)]])
        room = self.query_one("#counts").size.width - 1
        size = f"   trash {file_size(trash)}" if trash else ""
        counts += size if len(counts) + len(size) <= room else ""
        self.query_one("#counts", LineView).show([[(counts.rjust(room), "dim")]])

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.text = event.value.strip()
        self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def on_line_input_canceled(self, event: LineInput.Canceled) -> None:
        event.stop()
        self.clear()

    def _close(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one("#filter-text").display = True
        self.post_message(self.Closed())
