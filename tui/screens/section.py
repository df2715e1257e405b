"""The base of the sections' screens: their host, notifications, and reading the rows again."""

from __future__ import annotations

from typing import cast

from textual import work
from textual.screen import Screen

from engine.contract.text import one_line
from tui.host import Host
from tui.messages import RunsChanged


class Section(Screen[None]):
    """A screen that shows runs, or starts them."""

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
        self.workbench.session.refresh()
        self.app.post_message(RunsChanged())

    def say_later(self, text: str) -> None:
        """Notify from a thread."""
        self.app.call_from_thread(self.say, text)

    def say(self, text: str, *, bad: bool = False) -> None:
        """Notify; the text may be data, so that markup in it is not interpreted."""
        self.notify(one_line(text, 300), severity="error" if bad else "information", markup=False)
