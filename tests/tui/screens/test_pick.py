"""Choosing from a list."""


async def test_a_list_to_pick_from_says_when_nothing_matches(workbench, make_run, settle, screen_text):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press("s", "slash", *"zzz")
        await settle(pilot)
        assert "no option contains 'zzz'" in screen_text(pilot.app)
