"""New run on the screen: fill in, see what it means, start; one bad field starts nothing."""

import pytest
from textual.widgets import Input

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run import own_code
from engine.contract.run.create import create
from presets import loader, references
from presets.loader import load_table
from tests.tui.blank import wasted
from tests.tui.form_driver import go_to, type_into
from tests.tui.screens.test_see_images import FakePreview
from tui.forms import seen_images
from tui.forms.form import Form
from tui.keys.new_run import KEYS
from tui.screens import see_images
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.widgets import find_rate
from tui.widgets.find_rate import FindRate
from tui.widgets.line_list import LineList
from tui.widgets.pane import Pane

QUICK = load_table("quickstart")["epochs"]
SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_shows_form_schedule_estimates_command_and_help(workbench, make_run, screen_text, settle, size):
    make_run()
    async with workbench("new_run").run_test(size=size) as pilot:
        await settle(pilot)
        seen = " ".join(screen_text(pilot.app).split())
        for words in (
            "preset quickstart", "model", "epochs", "learning rate", "before you start", "parameters", "GMACs",
            "per epoch (from 1 run here)", "disk", "same thing as a command", "cifar-tui --preset quickstart --headless",
            "as in the preset", "ctrl+s start",
        ):  # fmt: skip
            assert words in seen


async def test_opens_for_presets_of_every_part(workbench, settle, screen_text, telling_preset):
    preset = telling_preset
    app = workbench("new_run")
    async with app.run_test() as pilot:
        app.new_run({"preset": preset})
        app.screen._open_requested_draft() if app.workspace.draft else None
        await settle(pilot)
        assert app.screen.editor.draft.preset == preset
        assert load_table(preset)["title"][:20] in screen_text(app)


async def test_a_bad_field_is_marked_and_nothing_is_created(workbench, launcher, root, screen_text, settle):
    async with workbench("new_run").run_test(notifications=True) as pilot:
        await type_into(pilot, "epochs", "0")
        assert "needs >= 1" in screen_text(pilot.app)
        await go_to(pilot, "optimizer.lr")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert pilot.app.screen.query_one(Form).field.path == "epochs"
        assert launcher.started == []
        assert not list(root.iterdir())
        assert any("needs >= 1" in notice.message for notice in pilot.app._notifications)


async def test_a_value_that_only_a_start_can_judge_is_marked_too(workbench, launcher, root, settle):
    async with workbench("new_run").run_test() as pilot:
        pilot.app.new_run({"preset": "resnet20_fast"})  # real CIFAR-10, which is not here
        pilot.app.screen._open_requested_draft()
        await settle(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert launcher.started == []
        assert not list(root.iterdir())
        assert pilot.app.screen.editor.problems
        pilot.app.screen.editor.check()  # as ctrl+s does: the data may have come meanwhile
        assert pilot.app.screen.editor.problems == {}


async def test_ctrl_s_makes_the_folders_starts_them_and_opens_the_dashboard(workbench, launcher, settle):
    async with workbench("new_run").run_test() as pilot:
        await type_into(pilot, "place.seeds", "0-2")
        await type_into(pilot, "place.name", "paper v2")
        await type_into(pilot, "epochs", "4")
        await pilot.press("ctrl+s")
        await settle(pilot)
        await settle(pilot)
        assert [run.info().seed for run in launcher.started] == [0, 1, 2]
        first = launcher.started[0]
        assert first.info().changes == f"epochs {QUICK}→4"
        assert first.info().preset == "quickstart"
        assert first.labels().name == "paper v2"
        assert first.recipe().epochs == 4
        assert "--seed 0" in first.info().command and "--epochs 4" in first.info().command
        assert pilot.app.current_mode == "dashboard"
        assert pilot.app.workspace.selected == first


async def test_ctrl_s_in_the_middle_of_an_edit_takes_what_was_typed(workbench, launcher, settle):
    async with workbench("new_run").run_test() as pilot:
        await go_to(pilot, "epochs")
        await pilot.press("enter")
        pilot.app.screen.query_one("#edit", Input).value = "4"
        await pilot.press("ctrl+s")
        await settle(pilot, 0.2)
        await settle(pilot)
        assert [run.recipe().epochs for run in launcher.started] == [4]


async def test_a_start_that_fails_says_why_and_can_be_tried_again(workbench, launcher, settle, until):
    def fail(run):
        raise StartFailed(f"run {run.id} did not start: No module named torch (log: x)")

    app = workbench("new_run")
    app.workspace.start = fail
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("ctrl+s")
        await until(pilot, lambda: any("No module named torch" in notice.message for notice in app._notifications))
        await until(pilot, lambda: app.current_mode == "dashboard")
        app.workspace.start = launcher
        await pilot.press("q", "ctrl+s")
        await until(pilot, lambda: launcher.started)
        await settle(pilot)
        assert len(launcher.started) == 1


async def test_many_runs_ask_first(workbench, launcher, settle):
    async with workbench("new_run").run_test() as pilot:
        await type_into(pilot, "place.seeds", "0-19")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Confirm)
        await pilot.press("n")
        await settle(pilot)
        assert launcher.started == []


async def test_w_saves_a_preset_that_can_be_used_at_once(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await type_into(pilot, "epochs", "4")
        await pilot.press("W", *"my quick", "enter")
        await pilot.pause()
        assert "lower-case letters" in str(pilot.app.screen.query_one("#wrong").content)
        pilot.app.screen.query_one(Input).value = "my_quick"
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.screen.editor.draft.preset == "my_quick"
        assert pilot.app.screen.editor.recipe.epochs == 4
        assert load_table("my_quick")["epochs"] == 4 and "promise" not in load_table("my_quick")


async def test_p_begins_from_another_preset_and_keeps_where_it_runs(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await type_into(pilot, "place.name", "kept")
        await pilot.press("p")
        await pilot.pause()
        await pilot.press("slash", *"resnet34_jitter", "enter")
        await settle(pilot)
        assert pilot.app.screen.editor.draft.preset == "resnet34_jitter"
        assert pilot.app.screen.editor.draft.place["name"] == "kept"


async def test_y_copies_the_command(workbench, settle):
    app = workbench("new_run")
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert app.clipboard == "cifar-tui --preset quickstart --headless --detach"


async def test_times_are_only_told_where_runs_were_measured(workbench, screen_text, settle):
    async with workbench("new_run").run_test() as pilot:
        await settle(pilot)
        assert "time unknown: no earlier run here" in screen_text(pilot.app)


async def test_a_preset_that_does_not_exist_is_said_and_the_form_still_opens(workbench, settle):
    app = workbench("new_run")
    app.workspace.draft = None
    async with app.run_test(notifications=True) as pilot:
        app.new_run({"preset": "resnet43_cutmix"})
        app.screen._open_requested_draft()
        await settle(pilot)
        assert any("did you mean resnet34_cutmix" in notice.message for notice in app._notifications)
        assert app.screen.editor.draft.preset == "quickstart"


@pytest.mark.parametrize("size", SIZES)
async def test_an_epoch_shorter_than_the_warm_up_is_taken_and_the_form_says_what_shrank(workbench, screen_text, size):
    async with workbench("new_run").run_test(size=size) as pilot:
        await type_into(pilot, "epochs", "1")
        assert not pilot.app.screen.editor.problems
        said = "to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"
        assert said in " ".join(pilot.app.screen.query_one("#before", Pane).text.split())
        await type_into(pilot, "epochs", "5")
        assert "to fit into" not in screen_text(pilot.app)


async def test_a_recipe_with_parts_of_ones_own_is_not_saved_as_a_preset(workbench, root, tmp_path, screen_text, settle):
    mine = tmp_path / "mine.py"
    mine.write_text(
        'from engine.contract.catalog import register\n\n\n@register("model", title="Tiny")\n'
        'def tiny(num_classes=10):\n    """A net of my own."""\n'
    )
    recipe = references.recipe_of("quickstart", catalog((mine,)), loader.Edits(model="tiny"))
    run = create(root, recipe, seed=0, preset="quickstart", placement=Placement(parts=(str(mine),)))
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        app.new_run({"preset": f"run:{run.id}"})
        await settle(pilot)
        await pilot.press("W", *"mine", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Prompt)
        assert "preset 'mine' was not saved: model: unknown model 'tiny'" in screen_text(app)
        assert not (loader.user_folder() / "recipes" / "mine.toml").exists()


async def test_changed_code_of_a_run_is_asked_about_before_anything_executes_it(
    workbench, root, tmp_path, launcher, settle, until
):
    mine = tmp_path / "mine.py"
    mine.write_text(
        'from engine.contract.catalog import register\n\n\n@register("model", title="Tiny")\n'
        'def tiny(num_classes=10):\n    """A net of my own."""\n'
    )
    recipe = references.recipe_of("quickstart", catalog((mine,)), loader.Edits(model="tiny"))
    run = create(root, recipe, seed=0, preset="quickstart", placement=Placement(parts=(str(mine),)))
    copy = run.parts / "mine.py"
    copy.write_text(copy.read_text() + "\nprint('another')\n")
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        app.new_run({"preset": f"run:{run.id}"})
        await settle(pilot)
        for key in ("f", "i", "ctrl+s"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert "has changed since run" in app.screen._body, key
            await pilot.press("n")
            await settle(pilot)
            assert launcher.started == []
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("r")
        await until(pilot, lambda: launcher.started)
        await settle(pilot)
        assert len(launcher.started) == 1
        assert own_code.doubts(launcher.started[0]) == [], "the new run's copy is on its record"


# --- the preset picker, the large sizes, and every key ----------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_list_of_presets_tells_description_and_figures_of_the_one_under_the_cursor(
    workbench, make_run, until, settle, size
):
    make_run(accuracy=0.95)
    make_run(accuracy=0.97, seed=1)
    make_run(accuracy=0.5, changes="epochs 8→3")
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await pilot.press("p")
        await settle(pilot)
        about = " ".join(app.screen.query_one("#about", Pane).text.split())
        for words in (
            "shapes", "resnet20", "8 epochs", "batch", "lr 0.2", "2 finished runs here: last 95.00 to 97.00 %",
        ):  # fmt: skip
            assert words in about
        await pilot.press("slash", *"resnet34_cutmix")
        await until(pilot, lambda: "CutMix or MixUp" in app.screen.query_one("#about", Pane).text)
        about = " ".join(app.screen.query_one("#about", Pane).text.split())
        for words in ("21.3 M parameters", "1.16 GMACs", "500 epochs", "reported 96.26", "no finished run here"):
            assert words in about
        await pilot.press(*"zzz")
        await until(pilot, lambda: not app.screen.query_one("#about", Pane).text.strip())


async def test_a_preset_that_cannot_be_read_says_why_in_the_list(workbench, settle, until):
    folder = loader.user_folder() / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.toml").write_text("epochs = ")
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("p", "slash", *"broken")
        await until(pilot, lambda: "not valid TOML" in app.screen.query_one("#about", Pane).text)


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
@pytest.mark.parametrize("changed", [False, True])
async def test_no_large_part_of_a_large_screen_is_blank(
    workbench, make_run, screen_text, settle, until, monkeypatch, size, changed
):
    monkeypatch.setattr(seen_images, "Preview", FakePreview())
    make_run()
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        if changed:
            await type_into(pilot, "loss.label_smoothing", "1.2")
            await type_into(pilot, "optimizer.lr", "0.3")
        await until(pilot, lambda: "as trained" in screen_text(app))
        assert wasted(screen_text(app).splitlines()) == []
        assert "rate finder" in screen_text(app) and "before you start" in screen_text(app)


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_the_rate_finder_stands_beside_the_form_and_the_schedule_stays(workbench, settle, size):
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        screen, finder = app.screen, app.screen.query_one(FindRate)
        assert screen.query_one("#finder").display and not finder.display
        finder.draft, finder.display = screen.editor.draft, True
        screen.on_find_rate_changed()
        screen.show()
        await settle(pilot)
        assert not screen.query_one("#finder").display
        assert finder.size.height >= 14 and screen.query_one("#lr").size.height >= 8
        finder.close()
        await settle(pilot)
        assert screen.query_one("#finder").display


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_every_key_of_the_screen_leaves_it_whole(workbench, make_run, screen_text, settle, monkeypatch, size):
    """Each key on the field with a changed value, then whatever it opened is closed again."""
    monkeypatch.setattr(find_rate.Sweep, "__init__", _no_sweep)
    monkeypatch.setattr(see_images, "Preview", FakePreview())
    make_run()
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        form = app.screen
        for row in KEYS:
            await type_into(pilot, "optimizer.lr", "0.3")
            for key in row.key.split(","):
                await pilot.press(key)
                await settle(pilot)
            for _ in range(3):
                if app.screen is form and isinstance(app.focused, LineList):
                    break
                if app.current_mode != "new_run":
                    app.action_go("new_run")
                else:
                    await pilot.press("escape")
                await settle(pilot)
            assert app.current_mode == "new_run" and app.screen is form, row
            await settle(pilot)
            assert "same thing as a command" in screen_text(app), row
            assert len(screen_text(app).splitlines()) == size[1]


def _no_sweep(*_, **__):
    raise BadInput("no sweep here")


async def test_the_list_of_changes_that_takes_the_keys_has_an_accented_rule(workbench, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.screen.editor.put("optimizer.lr", "0.02")
        app.screen.show()
        await settle(pilot)

        def rule():
            (line,) = app.screen.query_one("#changed", Pane).lines
            return next((text.strip(), role) for text, role in line[1:] if text[:1] in "━─")

        assert rule()[1] == "rule" and set(rule()[0]) == {"─"}
        await pilot.press("tab")
        await settle(pilot)
        assert rule()[1] == "accent" and set(rule()[0]) == {"━"}
        await pilot.press("tab")
        await settle(pilot)
        assert rule()[1] == "rule"
