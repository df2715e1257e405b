"""Keys that arrive at once mean what they would mean one after another."""

import pytest

from tests.tui.at_once import press_at_once
from tests.tui.demo import Demo, write_run
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt
from tui.widgets import key_order
from tui.widgets.key_order import KeyOrder
from tui.widgets.line_input import LineInput

SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 50)])


def texts(app):
    return [line.value for line in app.screen.query(LineInput) if line.display]


@SIZES
async def test_letters_after_enter_are_the_text_of_the_field(workbench, settle, until, size):
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        form = app.screen.query_one("#form")
        form.go_to("place.name")
        await settle(pilot)
        press_at_once(app, "enter", "a pxm walk")  # p, x and m are keys of the form
        await until(pilot, lambda: texts(app) == ["a pxm walk"])
        press_at_once(app, "enter", "enter", "backspace", "two", "enter")
        await until(pilot, lambda: app.screen.editor.draft.place.get("name") == "two")
        assert type(app.screen).__name__ == "NewRun" and texts(app) == []


@SIZES
async def test_a_field_is_found_opened_and_filled_at_once(workbench, settle, until, size):
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        press_at_once(
            app,
            "slash",
            "place.name",
            "enter",
            "enter",
            "a walk",
            "enter",
            "slash",
            "epochs",
            "enter",
            "enter",
            "3",
            "enter",
        )
        await until(pilot, lambda: app.screen.editor.draft.place.get("name") == "a walk")
        await until(pilot, lambda: app.screen.editor.recipe.epochs == 3)
        assert texts(app) == []


async def test_keys_after_a_field_is_closed_move_the_cursor(workbench, settle, until):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        form = app.screen.query_one("#form")
        form.go_to("place.name")
        await settle(pilot)
        row = form.rows.cursor
        press_at_once(app, "enter", "jj", "enter", "k")
        await until(pilot, lambda: app.screen.editor.draft.place.get("name") == "jj" and form.rows.cursor == row - 1)


@pytest.mark.parametrize("mode", ["results", "queue"])
async def test_a_filter_takes_what_is_typed_after_its_key(root, workbench, settle, until, mode):
    write_run(root, Demo(epochs_done=3, state="finished"))
    app = workbench(mode)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        press_at_once(app, "slash", "acc>0.9 status")  # letters of which most are keys of the screen
        await until(pilot, lambda: texts(app) == ["acc>0.9 status"])
        assert len(app.screen_stack) == 1
        press_at_once(app, "escape", "slash", "seed:0", "enter")
        # no input is open between the escape and the slash either
        await until(pilot, lambda: texts(app) == [] and app.screen.query_one("#filter-row").text == "seed:0")


async def test_tags_are_typed_before_the_prompt_is_there(root, workbench, settle, until):
    run = write_run(root, Demo(epochs_done=3, state="finished", name=""))
    app = workbench("results")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        press_at_once(app, "t", " second try", "enter", "e", "a note, D or q", "enter")
        await until(pilot, lambda: "a note, D or q" in run.labels().notes)
        assert set(run.labels().tags) >= {"second", "try"} and len(app.screen_stack) == 1


async def test_a_comparison_is_named_at_once_and_corrected_if_it_is_refused(root, workbench, settle, until):
    runs = [write_run(root, Demo(epochs_done=3, state="finished", seed=seed)) for seed in range(2)]
    app = workbench("compare")
    app.workspace.marked = runs
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.2)
        press_at_once(app, "W", "no name", "enter")
        await until(pilot, lambda: isinstance(app.screen, Prompt) and str(app.screen.query_one("#wrong").content))
        press_at_once(app, "backspace", "backspace", "backspace", "backspace", "backspace", "x", "enter")
        await until(pilot, lambda: not isinstance(app.screen, Prompt))
        from tui.comparisons import load

        assert load("nox").runs == tuple(run.id for run in runs)


async def test_the_search_of_a_log_and_of_a_list_of_options(root, workbench, settle, until):
    run = write_run(root, Demo(epochs_done=9, state="finished"))
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        press_at_once(app, "slash", "epoch 7", "enter")
        await until(
            pilot, lambda: bool(app.screen.query("#lines")) and app.screen.query_one("#lines").search_text == "epoch 7"
        )
        press_at_once(app, "q", "2")
        await until(pilot, lambda: app.current_mode == "results")
        press_at_once(app, "s")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await settle(pilot)
        press_at_once(app, "slash", "accur")
        await until(pilot, lambda: texts(app) == ["accur"])


async def test_the_palette_takes_what_is_typed_after_its_key(root, workbench, settle, until):
    write_run(root, Demo(epochs_done=3, state="finished"))
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        press_at_once(app, ":resnet_st")
        await until(pilot, lambda: bool(app.screen.query("CommandInput")))
        await until(pilot, lambda: app.screen.query_one("CommandInput").value == "resnet_st")


async def test_a_key_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(key_order, "WAIT_SECONDS", 1.0)

    class Stage(KeyOrder):
        def compose(self):
            yield LineInput(id="name")

    app = Stage()
    async with app.run_test() as pilot:
        line = app.query_one(LineInput)
        line.edit("text")
        line.is_closing = True  # and nothing ever closes it
        press_at_once(app, "x")
        await pilot.pause(0.5)
        assert line.value == "text"
        await pilot.pause(1.0)
        assert line.value == "x", "the letter replaces the selected text"


async def test_an_input_that_stays_open_gets_the_keys_again():
    class Stage(KeyOrder):
        def compose(self):
            yield LineInput(id="name")

    app = Stage()
    async with app.run_test() as pilot:
        line = app.query_one(LineInput)
        line.edit("old")
        press_at_once(app, "new", "enter")
        await pilot.pause()
        assert line.value == "new" and line.is_closing
        press_at_once(app, "x")
        await pilot.pause()
        assert line.value == "new", "the letter waits"
        line.stay()
        await pilot.pause(0.1)
        assert line.value == "newx"


@pytest.mark.parametrize("keys", ["qh", "qqqh", "qqqqqh"])
async def test_a_question_that_is_about_to_open_gets_the_keys_that_answer_it(workbench, settle, until, keys):
    app = workbench("results")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, 0.1)
        press_at_once(app, keys, "enter")  # to Quit, which is left of Stay
        await until(pilot, lambda: app._exit)
