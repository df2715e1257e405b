"""The filter line of Results."""

import pytest
from textual.widgets import Input

from tests.tui.demo import ManyRuns
from tui.screens.confirm import Confirm
from tui.widgets.run_list import RunList


async def test_the_filter_works_while_typing(workbench, settle):
    app = workbench("results", index=ManyRuns(200))
    async with app.run_test() as pilot:
        await pilot.press("slash", *"seed<10")
        await settle(pilot)
        rows = app.screen.query_one(RunList)
        assert rows.row_count() == 11
        await pilot.press("enter")
        await settle(pilot)
        assert app.focused is rows
        await pilot.press("slash")
        await settle(pilot)
        assert app.screen.query_one("#filter", Input).value == "seed<10"


async def test_a_half_typed_filter_keeps_the_rows_and_says_what_is_wrong(workbench, settle, screen_text):
    app = workbench("results", index=ManyRuns(20))
    async with app.run_test() as pilot:
        await pilot.press("slash")
        for value in ("seed<10", "seed<10 sed>5"):
            app.screen.query_one("#filter", Input).value = value
            await settle(pilot)
        assert app.screen.query_one(RunList).row_count() == 11
        assert "did you mean seed" in screen_text(app)


async def test_escape_leaves_the_filter_and_shows_all_runs_again(workbench, settle):
    app = workbench("results", index=ManyRuns(20))
    async with app.run_test() as pilot:
        await pilot.press("slash", *"seed<3", "escape")
        await settle(pilot)
        assert app.focused is app.screen.query_one(RunList)
        assert app.screen.query_one(RunList).row_count() == 21


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_filter_without_a_match_says_so_and_escape_takes_it_away(
    workbench, make_run, settle, screen_text, size
):
    make_run()
    make_run()
    async with workbench("results").run_test(size=size) as pilot:
        await pilot.press("slash", *"zzz", "enter")
        await settle(pilot)
        assert "no run matches the filter: / edits it, esc shows all 2 runs" in screen_text(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Confirm) and "no run matches" not in screen_text(pilot.app)
        assert pilot.app.screen.query_one(RunList).row_count() == 3
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Confirm), "the next one leaves"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_language_is_shown_while_typing_and_goes_with_the_input(workbench, settle, screen_text, size):
    app = workbench("results", index=ManyRuns(20))
    async with app.run_test(size=size) as pilot:
        await pilot.press("slash")
        await settle(pilot)
        assert "acc>0.95   model:resnet34   status:failed" in screen_text(app)
        await pilot.press(*"sta")
        await settle(pilot)
        assert "status:failed  or live" in screen_text(app)
        app.screen.query_one("#filter", Input).value = "status:f"  # not valid yet: the values that are
        await settle(pilot)
        assert "status:finished   status:failed" in screen_text(app) and "did you mean" not in screen_text(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "unknown status 'f'" in screen_text(app)
