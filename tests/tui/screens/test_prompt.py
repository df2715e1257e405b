"""Asking for a line of text."""

import pytest


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_whoever_types_a_line_sees_which_keys_end_it(workbench, make_run, settle, screen_text, size):
    make_run()
    async with workbench("results").run_test(size=size) as pilot:
        for key in ("t", "e"):
            await pilot.press(key)
            await settle(pilot)
            assert "enter ok   esc cancel" in screen_text(pilot.app)
            await pilot.press("escape")
        await pilot.press("slash")
        await settle(pilot)
        assert screen_text(pilot.app).splitlines()[-1].strip() == "enter ok  esc cancel"
        await pilot.press("escape")
        await settle(pilot)
        assert "enter open" in screen_text(pilot.app).splitlines()[-1]
