"""The base of the sections' screens: their host, notifications, and reading the rows again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from textual import work
from textual.events import Event, ScreenResume, ScreenSuspend

from engine.contract.text import one_line
from tui.host import Host
from tui.messages import RunsChanged
from tui.widgets.paced import Paced


class Section(Paced):
    """A screen that shows runs, or starts them."""

    def __init__(self) -> None:
        super().__init__(classes=" ".join(self._size_classes()))
        self._is_resumed = False

    def _size_classes(self) -> Iterator[str]:
        """The classes that Textual adds at the first layout, which would then style all widgets a second time."""
        app = self.app
        for cells, breakpoints in zip(app.size, (app.HORIZONTAL_BREAKPOINTS, app.VERTICAL_BREAKPOINTS), strict=True):
            yield from [name for least, name in sorted(breakpoints or []) if cells >= least][-1:]

    async def on_event(self, event: Event) -> None:
        """Resume once for each visit: Textual sends the event twice when a section is shown for the first time."""
        if isinstance(event, ScreenResume | ScreenSuspend):
            resumed, self._is_resumed = self._is_resumed, isinstance(event, ScreenResume)
            if resumed and self._is_resumed:
                return
        await super().on_event(event)

    @property
    def workbench(self) -> Host:
        return cast(Host, self.app)

    def leave(self) -> bool:
        """Close what is open on this screen, such as a filter; False if nothing was, so that `q` leaves the screen."""
        return False

    @work(thread=True, group="actions", exit_on_error=False)
    def refresh_rows_later(self) -> None:
        """Read the rows again, in a thread."""
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Read the rows again; called from a thread, because with ten thousand runs it takes a moment."""
        self.workbench.workspace.refresh()
        self.app.post_message(RunsChanged())

    def say_later(self, text: str) -> None:
        """Notify from a thread."""
        self.app.call_from_thread(self.say, text)

    def say(self, text: str, *, bad: bool = False) -> None:
        """Notify; the text may be data, so that markup in it is not interpreted."""
        self.notify(one_line(text, 300), severity="error" if bad else "information", markup=False)
