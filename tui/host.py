"""What screens and app ask of each other, so that neither imports the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from engine.contract.run.store import RunFolder
from tui.workspace import Workspace


class Host(Protocol):
    """What a screen or the palette may ask of the app; `cast(Host, self.app)` gives it."""

    workspace: Workspace

    def action_go(self, mode: str) -> None:
        """Go to a section as its number key does: nothing is left to go back to."""

    def visit(self, mode: str) -> None:
        """Go to a section; `q` returns to the present one."""

    def open_run(self, run: RunFolder) -> None:
        """Show a run on the Dashboard."""

    def new_run(self, flags: Mapping[str, Any]) -> None:
        """Open New run with the form filled in; nothing is started."""

    def show_suite(self, name: str) -> None:
        """Show a published table over the present section."""

    def show_comparison(self, name: str) -> None:
        """Show a saved comparison in Compare."""

    def action_say_moved(self, where: str) -> None:
        """Say where an act has gone whose key has moved."""

    def copy(self, text: str, what: str) -> None:
        """Copy a text to the clipboard; `what` names it in the notification."""


@runtime_checkable
class Closes(Protocol):
    """A screen that may have something open on it, such as a filter."""

    def leave(self) -> bool:
        """Close it; False where nothing was open, so that `q` leaves the screen itself."""
        ...


@runtime_checkable
class Watches(Protocol):
    """A screen that shows rows of runs."""

    def runs_changed(self) -> None:
        """The rows of `workspace.summaries()` have changed."""
