"""`N`: a fixed number of seeds is asked for, queued and stored."""

import pytest
from textual.widgets import Input

from engine.contract.run.seed_plans import planned_seeds
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt


@pytest.mark.parametrize(("mode", "size"), [("results", (80, 24)), ("dashboard", (120, 40)), ("results", (200, 50))])
async def test_more_seeds_are_queued_after_asking_and_the_number_is_stored(
    workbench, make_run, launcher, screen_text, until, settle, mode, size
):
    runs = [make_run(seed=seed, accuracy=0.9) for seed in (0, 1)]
    app = workbench(mode)
    app.workspace.selected = runs[0]
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        assert app.screen.query_one(Input).value == "3" and "This recipe has 2 seeds" in screen_text(app)
        await pilot.press("backspace", "2", "enter")
        await settle(pilot)
        assert "a whole number above 2" in screen_text(app)
        await pilot.press("backspace", "4", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "2 to start" in screen_text(app) and "Device: " in screen_text(app)
        assert "Queue 2 runs" in screen_text(app) and planned_seeds(app.workspace.roots) == {}
        await pilot.press("enter")
        await until(pilot, lambda: len(app.workspace.summaries()) == 4)
        assert planned_seeds(app.workspace.roots) == {runs[0].info().recipe_id: 4}
        assert sorted(row.seed for row in app.workspace.summaries()) == [0, 1, 2, 3]
