"""The keys of the Dashboard."""

from tests.tui.demo import Demo, write_run
from tui.screens.confirm import Confirm
from tui.screens.dashboard import Dashboard


async def test_the_view_keys_change_the_plots_and_undo_themselves(root, workbench, screen_text, settle):
    write_run(root, Demo(epochs_done=30))
    app = workbench()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        for keys, word in (
            ("a", "a log  x epoch"),
            ("x", "x step"),
            ("w", "w smooth .85"),
            ("m", "━ learning rate ─"),
        ):
            await pilot.press(keys)
            await settle(pilot)
            assert word in screen_text(app), word
        await pilot.press("a", "a", "x", "x", "w", "w", "w", "m", "m", "m", "m")
        await settle(pilot)
        assert screen_text(app).splitlines()[4:30] == before.splitlines()[4:30]


async def test_the_cursor_reads_every_curve_at_one_epoch(root, workbench, screen_text, settle):
    run = write_run(root, Demo(epochs_done=30))
    app = workbench()
    app.workspace.selected = run
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await pilot.press("left_square_bracket", "left_curly_bracket")
        await settle(pilot)
        epochs = app.screen._view.history.epochs
        accuracy, loss = screen_text(app).splitlines()[3][:66], screen_text(app).splitlines()[19][:66]
        assert f"at 20  ● {100 * epochs[19].test_accuracy:.2f} ─" in accuracy
        assert f"at 20  ● {epochs[19].test_loss:.3f}  • {epochs[19].train_loss:.3f}" in loss
        assert sum(line[5:46].count("│") for line in screen_text(app).splitlines()[4:31]) >= 15
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "at 21  ●" in screen_text(app)
        await pilot.press("0")
        await settle(pilot)
        assert screen_text(app).splitlines()[4:31] == before.splitlines()[4:31]


async def test_the_ranges_of_both_axes_change_and_come_back(root, workbench, screen_text, settle):
    app = workbench("dashboard")
    app.workspace.selected = write_run(root, Demo(epochs_done=40))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await pilot.press("r")
        await settle(pilot)
        assert "└20 " in screen_text(app)
        await pilot.press("0", "plus")
        await settle(pilot)
        assert "└0 " in screen_text(app) and screen_text(app).splitlines()[4:18] != before.splitlines()[4:18]
        await pilot.press("minus")
        await settle(pilot)
        assert screen_text(app).splitlines()[4:31] == before.splitlines()[4:31]


async def test_zoom_gives_one_plot_the_whole_screen_and_back(root, workbench, screen_text, settle):
    write_run(root, Demo(epochs_done=30))
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await pilot.press("z")
        await settle(pilot)
        assert "per class" not in screen_text(app) and "accuracy %" in screen_text(app)
        await pilot.press("m")
        await settle(pilot)
        assert "━ loss ─" in screen_text(app) and "accuracy %" not in screen_text(app)
        await pilot.press("z")
        await settle(pilot)
        assert screen_text(app).splitlines()[3:] == before.splitlines()[3:]


async def test_comma_and_full_stop_go_through_the_runs(root, workbench, screen_text, settle):
    first, second = (
        write_run(root, Demo(epochs_done=2, state="finished")),
        write_run(root, Demo(epochs_done=3, state="finished")),
    )
    app = workbench("dashboard")
    app.workspace.selected = max(first, second, key=lambda run: run.id)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        shown = set()
        for key in ("full_stop", "comma"):
            await pilot.press(key)
            await settle(pilot)
            shown |= {run.id for run in (first, second) if run.id[-4:] in screen_text(app).splitlines()[1]}
        assert shown == {first.id, second.id}
        await pilot.press("comma", "comma")
        await settle(pilot)
        assert app.workspace.selected is not None


async def test_a_baseline_is_drawn_and_taken_away(root, workbench, screen_text, settle):
    base, run = write_run(root, Demo(epochs_done=40, seed=1)), write_run(root, Demo(epochs_done=30))
    app = workbench("dashboard")
    app.workspace.selected, app.workspace.baseline = run, base
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert f"─ {base.id[-4:]} base" in screen_text(app) and "to baseline at epoch 30" in screen_text(app)
        await pilot.press("b")
        await settle(pilot)
        assert app.workspace.baseline == run
        await pilot.press("b")
        await settle(pilot)
        assert app.workspace.baseline is None and f"─ {base.id[-4:]} base" not in screen_text(app)


async def test_stopping_asks_first_and_offers_to_kill(root, workbench, settle):
    write_run(root)
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert [button.id for button in app.screen.query("Button")][:2] == ["stop", "kill"]
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, Dashboard)


async def test_follow_jumps_to_the_newest_live_run(root, workbench, screen_text, settle):
    done, live = write_run(root, Demo(epochs_done=2, state="finished")), write_run(root, Demo(epochs_done=3))
    app = workbench("dashboard")
    app.workspace.selected = done
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert done.id[-4:] in screen_text(app).splitlines()[1]
        await pilot.press("f")
        await settle(pilot)
        assert live.id[-4:] in screen_text(app).splitlines()[1]
