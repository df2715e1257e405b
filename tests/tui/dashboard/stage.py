"""The panes of the Dashboard on a screen of their own, and what they print there."""

import re
from types import SimpleNamespace

import pytest
from textual.app import App

from tui.dashboard import panes
from tui.dashboard.panes import Panes
from tui.dashboard.scene import Scene
from tui.widgets.pane import Pane

EXPLAINED = re.compile(r"^.{0,6}?[┤│]|^ *└.*|10 min|bars \d+ to 100", re.MULTILINE)
"""The ticks of charts and the ranges of bars, which explain a drawing and are no figures of a run."""


class Stage(App[None]):
    def compose(self):
        yield Panes()


async def texts_of(scene: Scene, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch, now: float) -> dict[str, str]:
    """What each pane that is shown at a size prints at a time, by its name."""
    monkeypatch.setattr(panes, "time", SimpleNamespace(time=lambda: now))
    async with Stage().run_test(size=size) as pilot:
        found = pilot.app.query_one(Panes)
        found.divide(10, "", len(scene.here))
        await pilot.pause()
        found.draw(scene)
        return {pane.id: EXPLAINED.sub("", pane.text) for pane in found.query(Pane) if pane.id and pane.display}
