"""The panes of the Dashboard on a screen of their own."""

import pytest

from tests.tui.dashboard.reading import view_of
from tests.tui.dashboard.stage import Stage
from tests.tui.demo import Demo, write_run
from tui.dashboard.panes import Panes, Scene
from tui.widgets.pane import Pane


def shown(panes):
    return {pane.id for pane in panes.query(Pane) if pane.display}


@pytest.mark.parametrize(
    ("size", "extra"), [((80, 24), {"log", "below"}), ((120, 40), {"log", "rate", "below"}), ((80, 18), set())]
)
async def test_every_size_shows_the_panes_that_fit(root, size, extra):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    async with Stage().run_test(size=size) as pilot:
        panes = pilot.app.query_one(Panes)
        panes.divide(10, "")
        await pilot.pause()
        panes.draw(Scene(view, view.status()))
        assert shown(panes) == {"status", "accuracy", "lower", "classes", "gpu"} | extra
        assert all(pane.text.strip() for pane in panes.query(Pane) if pane.display)


async def test_a_zoomed_plot_replaces_all_panes_but_the_status(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    async with Stage().run_test(size=(80, 24)) as pilot:
        panes = pilot.app.query_one(Panes)
        panes.divide(10, "accuracy")
        await pilot.pause()
        panes.draw(Scene(view, view.status(), zoom="accuracy"))
        assert shown(panes) == {"status", "accuracy"}
        assert panes.query_one("#accuracy", Pane).size.width == 80


async def test_a_message_can_stand_in_for_a_run():
    async with Stage().run_test(size=(80, 24)) as pilot:
        panes = pilot.app.query_one(Panes)
        panes.divide(0, "")
        await pilot.pause()
        panes.show_message("no run yet")
        assert panes.query_one("#status", Pane).text.strip() == "no run yet"
