"""A block of lines, and a list of lines with a cursor. Both repaint only the rows that changed or came into view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.drawing.format import Glyphs, glyphs_of_terminal
from tui.drawing.lines import Line, clip, part_at
from tui.keys.common import MOVED, MOVING, bindings
from tui.keys.press import press
from tui.theme import cursor_style, pixel_style, style_of, vanishes

NEAR: Final = 4
"""Columns between two changes up to which they are sent as one."""


def glyphs_of(widget: Widget) -> Glyphs:
    """What the terminal can show: the app's `glyphs` setting, else what is known of the terminal."""
    chosen: Glyphs = getattr(widget.app, "glyphs", None) or glyphs_of_terminal()
    return chosen


def strip_of(widget: Widget, line: Line, width: int, *, at_cursor: bool = False) -> Strip:
    """The cells of one line in the widget's styles, truncated or padded to `width`."""
    theme, colorless = widget.app.theme, widget.app.no_color
    ascii_only = glyphs_of(widget) == "ascii"
    base = widget.rich_style
    if at_cursor:
        base += cursor_style(theme, colorless)
    segments = []
    for text, role in clip(line, width):
        if role.startswith("#"):
            segments.append(Segment(text, pixel_style(role)))
            continue
        if colorless and role and vanishes(role):
            text, role = " " * cell_len(text), ""
        if ascii_only and role == "track":
            text = "-" * cell_len(text)  # the glyphs of a bar and of its track become the same letter
        segments.append(Segment(text, base + style_of(role, theme, colorless) if role else base))
    return Strip(segments).adjust_cell_length(width, base).simplify()  # fewer color codes to send


def changed_spans(before: Line, now: Line) -> list[tuple[int, int]]:
    """The columns that differ between two lines with parts of a picture, as (first, end).

    A picture costs many bytes, so that only what changes beside it is sent. [] stands for the whole of another line.
    """
    if not any(role.startswith("#") for _, role in now) or any(cell_len(text) != len(text) for text, _ in now):
        return []
    old, new = ([(letter, role) for text, role in line for letter in text] for line in (before, now))
    spans: list[tuple[int, int]] = []
    for x in range(max(len(old), len(new))):
        if old[x : x + 1] != new[x : x + 1]:
            joined = spans and x - spans[-1][1] < NEAR
            spans[-1:] = [(spans[-1][0], x + 1)] if joined else [*spans[-1:], (x, x + 1)]
    return spans


class LineView(Widget, can_focus=False):
    """A block of lines without a cursor. Only lines that changed are repainted."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []

    @property
    def lines(self) -> list[Line]:
        return self._lines

    @property
    def text(self) -> str:
        """The text it shows, without styles."""
        return "\n".join("".join(part for part, _ in line) for line in self._lines)

    def show(self, lines: Iterable[Line]) -> None:
        """Replace the block and repaint the rows that differ."""
        fresh = list(lines)
        before, self._lines = self._lines, fresh
        for y in range(max(len(before), len(fresh))):
            if before[y : y + 1] != fresh[y : y + 1]:
                spans = changed_spans(before[y] if y < len(before) else [], fresh[y] if y < len(fresh) else [])
                self.refresh(*(Region(x, y, min(end, self.size.width) - x, 1) for x, end in spans or [(0, 1 << 16)]))

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else []
        return strip_of(self, line, self.size.width)

    class Clicked(Message):
        """A part of a line was clicked that is no hint of a key."""

        def __init__(self, source: LineView, text: str) -> None:
            super().__init__()
            self.source = source
            self.text = text

        @property
        def control(self) -> LineView:
            return self.source

    async def on_click(self, event: Click) -> None:
        """A click on a key, or on its label, presses the key."""
        line = self._lines[event.y] if event.y < len(self._lines) else []
        text, key = part_at(line, event.x)
        if key:
            await press(self.screen, key)
        elif text.strip():
            self.post_message(self.Clicked(self, text))


class LineList(ScrollView, can_focus=True):
    """A list of any length with a cursor. Subclasses implement `row_count` and `draw`, which draws one row."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((*MOVING, *MOVED))

    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.nothing: Line = []
        """Shown instead of rows if there are none."""
        self._drawn: dict[int, tuple[Line, bool]] = {}
        """What was last drawn on each row of the screen, and whether the cursor was there."""

    class Moved(Message):
        """The cursor moved to another row."""

        def __init__(self, source: LineList, row: int) -> None:
            super().__init__()
            self.source = source
            self.row = row

        @property
        def control(self) -> LineList:
            return self.source

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LineList.Moved) and message.source is self.source

    class Chosen(Message):
        """Enter was pressed on a row, or the row under the cursor was clicked."""

        def __init__(self, source: LineList, row: int) -> None:
            super().__init__()
            self.source = source
            self.row = row

        @property
        def control(self) -> LineList:
            return self.source

    def row_count(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def draw(self, row: int, width: int, at_cursor: bool) -> Line:
        """The line of one row."""
        raise NotImplementedError

    def can_stand(self, row: int) -> bool:
        """Whether the cursor may stand on the row; False for headings."""
        return True

    def reload(self) -> None:
        """Redraw after the rows changed, repainting only lines that differ. Keeps the cursor within the rows."""
        self.virtual_size = Size(self.scrollable_content_region.width, self.row_count())
        self.cursor = self.validate_cursor(self.cursor)
        for y, before in list(self._drawn.items()):
            if self._line_at(y) != before:
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self, event: Resize) -> None:
        self.reload()
        self.follow()

    def render_line(self, y: int) -> Strip:
        self._drawn[y] = line, at_cursor = self._line_at(y)
        return strip_of(self, line, self.scrollable_content_region.width, at_cursor=at_cursor)

    def _line_at(self, y: int) -> tuple[Line, bool]:
        """The line on row `y` of the screen, and whether the cursor is there."""
        row = y + self.scroll_offset.y
        if row >= self.row_count():
            return self.nothing if row == 0 else [], False
        at_cursor = row == self.cursor
        return self.draw(row, self.scrollable_content_region.width, at_cursor), at_cursor

    def validate_cursor(self, row: int) -> int:
        """The nearest row that the cursor may stand on."""
        count = self.row_count()
        if not count:
            return 0
        row = max(0, min(row, count - 1))
        below = next((r for r in range(row, count) if self.can_stand(r)), None)
        return below if below is not None else next((r for r in range(row, -1, -1) if self.can_stand(r)), 0)

    def watch_cursor(self, before: int, now: int) -> None:
        if not self.is_attached:
            return
        self.refresh_line(before)
        self.refresh_line(now)
        self.follow()
        self.post_message(self.Moved(self, now))

    def follow(self) -> None:
        """Scroll the cursor into view."""
        height = self.scrollable_content_region.height
        if height <= 0:
            return
        top = self.cursor
        while top > 0 and not self.can_stand(top - 1):
            top -= 1  # headings right above the cursor come into view with it
        offset = self.scroll_offset.y
        if top < offset:
            self.scroll_to(y=top, animate=False, force=True)
        elif self.cursor >= offset + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def action_move(self, rows: int) -> None:
        """Move the cursor by this many rows, skipping those on which it may not stand."""
        step = 1 if rows > 0 else -1
        row = self.cursor
        for _ in range(abs(rows)):
            ahead = row + step
            while 0 <= ahead < self.row_count() and not self.can_stand(ahead):
                ahead += step
            if not 0 <= ahead < self.row_count():
                break
            row = ahead
        self.cursor = row

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.scrollable_content_region.height - 1))

    def action_first(self) -> None:
        self.cursor = 0
        self.scroll_to(y=0, animate=False, force=True)

    def action_last(self) -> None:
        self.cursor = self.row_count() - 1

    def action_choose(self) -> None:
        if self.row_count():
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: Click) -> None:
        row = event.y + self.scroll_offset.y
        if row < self.row_count() and self.can_stand(row):
            if row == self.cursor:
                self.action_choose()
            self.cursor = row
