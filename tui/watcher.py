"""The part of the app that follows the runs folders and tells the screens and the user what changed."""

from __future__ import annotations

import time
from typing import Final

from textual import work

from engine.contract.run.store import Summary
from engine.contract.text import one_line
from tui.host import Watches
from tui.look import Themed
from tui.messages import RunsChanged
from tui.settings import UNSET, Settings
from tui.workspace import Workspace

TICK_SECONDS: Final = 1.0
REMEMBER_SECONDS: Final = 60.0
"""How often the time of the visit is saved: a terminal that is closed leaves no time to save it at the end."""


class RunWatcher(Themed):
    """An app that rereads the runs in a thread and announces what changed."""

    def __init__(self, workspace: Workspace, settings: Settings = UNSET) -> None:
        super().__init__(workspace, settings)
        self._known: dict[str, Summary] = {}
        self._remembered = time.monotonic()

    def start_watching(self) -> None:
        """Report changes from now on; the present state of the runs is not news."""
        self._known = {row.folder: row for row in self.workspace.summaries()}
        self.set_interval(TICK_SECONDS, self._scan_unless_scanning)

    def _scan_unless_scanning(self) -> None:
        if not any(worker.group == "scan" and not worker.is_finished for worker in self.workers):
            self._scan()

    @work(thread=True, group="scan", exit_on_error=False)
    def _scan(self) -> None:
        if self.workspace.refresh(force=False):
            self.post_message(RunsChanged())
        if time.monotonic() - self._remembered > REMEMBER_SECONDS:
            self._remembered = time.monotonic()
            self.workspace.remember_leaving()

    def on_runs_changed(self) -> None:
        """Notify of runs that ended, and let every open screen update its rows."""
        rows = {row.folder: row for row in self.workspace.summaries()}
        for folder, row in rows.items():
            before = self._known.get(folder)
            if before is not None and before.live and not row.live:
                self.notify_ended(row)
        self._known = rows
        for screen in self.screen_stack:
            if isinstance(screen, Watches):
                screen.runs_changed()

    def notify_ended(self, row: Summary) -> None:
        """Notify that a run ended, with the reason or else the way to see it, and ring the bell."""
        name = one_line(f"{row.id[-4:]} {row.recipe_name}", 40)
        good = row.status in ("finished", "stopped")
        selected = self.workspace.selected is not None and str(self.workspace.selected.path) == row.folder
        hint = "press 1 to see it on the Dashboard" if selected else f"type :{row.id[-4:]} to see it on the Dashboard"
        self.notify(
            one_line(row.message or row.reason, 200) or hint,
            title=f"{name} {row.status}",
            severity="information" if good else "error",
            timeout=10,
            markup=False,
        )
        self.bell()

    def on_unmount(self) -> None:
        self.workspace.remember_leaving()
