"""The screen with the log of a run."""

from tests.tui.demo import Demo, write_run
from tui.screens.dashboard import Dashboard
from tui.screens.log import Log


async def test_the_whole_log_scrolls_searches_and_shows_raw_output(root, workbench, screen_text, settle):
    run = write_run(root, Demo(epochs_done=60))
    run.log.write_text("raw line one\nwarning: \x1b[31msomething\x1b[0m\n")
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("l")
        await settle(pilot)
        assert isinstance(app.screen, Log) and "epoch 60" in screen_text(app) and "following" in screen_text(app)
        await pilot.press("slash", *"epoch 7 ", "enter")
        await settle(pilot)
        assert "▸ " in screen_text(app) and "epoch 7 " in screen_text(app)
        await pilot.press("r")
        await settle(pilot)
        assert "raw line one" in screen_text(app) and "[31msomething" in screen_text(app)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, Dashboard)
