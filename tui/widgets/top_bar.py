"""The first line of every screen: the sections with their keys, the host, and its running and queued runs."""

from __future__ import annotations

from typing import Final

from engine.contract.run.process import host_name
from tui.drawing.lines import Line
from tui.drawing.top_bar import top_bar
from tui.widgets.pane import Pane

REFRESH_SECONDS: Final = 2.0


class TopBar(Pane):
    """The top bar; it takes the section and the counts from the app."""

    DEFAULT_CSS = "TopBar { dock: top; height: 1; }"

    def __init__(self) -> None:
        super().__init__(self._draw)

    def on_mount(self) -> None:
        self.set_interval(REFRESH_SECONDS, self._update_counts)

    def _update_counts(self) -> None:
        if self.screen.is_current:
            self.redraw()

    def _draw(self, width: int, height: int) -> list[Line]:
        workspace = getattr(self.app, "workspace", None)
        live = [row.status for row in workspace.live()] if workspace is not None else []
        queued = live.count("queued")
        return [top_bar(self.app.current_mode, host_name().split(".")[0], len(live) - queued, queued, width)]
