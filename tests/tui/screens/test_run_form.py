"""The form of New run: fields are edited, picked, found, reset and undone."""

import pytest

from presets.loader import load_table
from tests.tui.form_driver import go_to, type_into
from tui.forms.form import Form
from tui.screens.pick import REST_SECONDS, OptionRows, Pick
from tui.widgets.pane import Pane

QUICK = load_table("quickstart")["epochs"]
SIZES = [(80, 24), (120, 40), (200, 50)]


async def test_letters_and_numbers_keep_their_meaning_until_enter(workbench, make_run, settle):
    make_run()
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("j", "j", "2")
        await settle(pilot)
        assert pilot.app.current_mode == "results"


async def test_typing_a_value_changes_the_recipe_the_command_and_the_mark(workbench, screen_text, settle):
    async with workbench("new_run").run_test() as pilot:
        await type_into(pilot, "optimizer.lr", "0.0123")
        await settle(pilot)
        assert pilot.app.screen.editor.recipe.optimizer.options["lr"] == 0.0123
        seen = screen_text(pilot.app)
        assert "●learning rate" in seen
        assert "--lr 0.0123" in seen
        assert "1 field differs from quickstart" in seen


async def test_esc_gives_an_edit_up(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        before = pilot.app.screen.editor.draft
        await go_to(pilot, "epochs")
        await pilot.press("enter", "7", "escape")
        await settle(pilot)
        assert pilot.app.screen.editor.draft == before
        assert pilot.app.focused is pilot.app.screen.query_one(Form).rows
        assert pilot.app.current_mode == "new_run"


async def test_a_part_is_picked_from_a_list(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await go_to(pilot, "model")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Pick)
        await pilot.press("slash", *"lenet", "enter")
        await settle(pilot)
        assert pilot.app.screen.editor.recipe.model.name == "lenet"


async def test_left_and_right_step_through_choices(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await go_to(pilot, "compute.precision")
        before = pilot.app.screen.editor.recipe.compute.precision
        await pilot.press("right")
        await settle(pilot)
        assert pilot.app.screen.editor.recipe.compute.precision != before
        await pilot.press("left")
        await settle(pilot)
        assert pilot.app.screen.editor.recipe.compute.precision == before


async def test_operations_are_dropped_and_added(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        screen = pilot.app.screen
        present = screen.editor.op_names()
        await go_to(pilot, "augmentation.ops")
        for _ in range(2):
            await pilot.press("enter")
            await pilot.pause()
            rows = pilot.app.screen.query_one(OptionRows)
            rows.cursor = next(i for i, option in enumerate(rows.options) if option.value == "horizontal_flip")
            await pilot.press("enter")
            await settle(pilot)
            assert ("horizontal_flip" in screen.editor.op_names()) == (screen.editor.draft.drop_ops == ())
        assert screen.editor.op_names() == present


async def test_u_undoes_and_x_resets_to_the_preset(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        editor = pilot.app.screen.editor
        await type_into(pilot, "epochs", "7")
        await type_into(pilot, "epochs", "8")
        await pilot.press("u")
        await settle(pilot)
        assert editor.recipe.epochs == 7
        await pilot.press("x")
        await settle(pilot)
        assert editor.recipe.epochs == QUICK
        await pilot.press("u")
        await settle(pilot)
        assert editor.recipe.epochs == 7


async def test_slash_finds_a_field_and_stays_on_it(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await pilot.press("slash", *"label smoothing", "enter")
        await settle(pilot)
        form = pilot.app.screen.query_one(Form)
        assert form.field.path == "loss.label_smoothing"
        assert pilot.app.focused is form.rows


async def test_esc_in_find_returns_to_the_field_before(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await go_to(pilot, "epochs")
        await pilot.press("slash", *"smoothing", "escape")
        await settle(pilot)
        assert pilot.app.screen.query_one(Form).field.path == "epochs"
        assert pilot.app.current_mode == "new_run"


async def test_the_schedule_is_drawn_and_follows_the_form(workbench, settle):
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = pilot.app.screen.query_one("#lr", Pane).text
        pilot.app.screen.editor.put("schedule", "constant")
        pilot.app.screen.show()
        await settle(pilot)
        after = pilot.app.screen.query_one("#lr", Pane).text
        assert before != after
        assert "constant" in after


async def test_another_optimizer_says_what_it_resets_and_keeps_what_all_share(workbench, settle):
    async with workbench("new_run").run_test(size=(120, 40), notifications=True) as pilot:
        form = pilot.app.screen
        for path, text in (("optimizer.clip_norm", "1"), ("optimizer.lr", "0.3")):
            await type_into(pilot, path, text)
        await go_to(pilot, "optimizer")
        form._choose("optimizer", "muon")
        await settle(pilot)
        options = form.editor.recipe.optimizer.options
        assert (options["lr"], options["clip_norm"]) == (0.02, 1.0)
        said = "optimizer: muon starts from its own options: lr 0.02 (was 0.2)"
        assert any(said in notice.message for notice in pilot.app._notifications)
        assert said in pilot.app.screen.query_one("#help", Pane).text, "also below the form, where no message covers it"
        form._choose("optimizer", "sgd")
        await settle(pilot)
        options = form.editor.recipe.optimizer.options
        assert (options["lr"], options["clip_norm"]) == (0.2, 1.0)
        assert form.editor.describe_resets() == ""


# --- checked while it is typed --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_value_is_checked_at_each_letter_in_the_words_of_the_schema(workbench, screen_text, settle, size):
    async with workbench("new_run").run_test(size=size) as pilot:
        screen = pilot.app.screen
        await go_to(pilot, "loss.label_smoothing")
        await pilot.press("enter", "delete", *"1.2")
        await settle(pilot)
        assert pilot.app.focused is screen.query_one("#edit"), "it is still being typed"
        assert "needs < 1" in screen.query_one("#help", Pane).text
        assert size == (80, 24) or "was 0 · needs < 1" in screen_text(pilot.app)
        assert screen.editor.problems == {} and screen.editor.changed == 0, "nothing is changed before Enter"
        await pilot.press("left", "left", "left", "0", "delete")
        await settle(pilot)
        assert "needs < 1" not in screen_text(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert (
            screen.query_one(Form).field.text == "0"
            and "label_smoothing" not in screen.query_one("#command", Pane).text
        )


async def test_the_schedule_the_estimates_and_the_command_follow_what_is_typed(workbench, settle):
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        screen = pilot.app.screen
        await go_to(pilot, "epochs")
        await pilot.press("enter", "delete", *"40")
        await settle(pilot)
        assert "40" in screen.query_one("#lr", Pane).text.splitlines()[-1]
        assert "--epochs 40" in screen.query_one("#command", Pane).text
        await pilot.press("escape")
        await settle(pilot)
        assert "--epochs" not in screen.query_one("#command", Pane).text


async def test_the_input_stays_on_its_field_while_other_rows_come_and_go(workbench, settle):
    async with workbench("new_run").run_test(size=(120, 40)) as pilot:
        screen = pilot.app.screen
        await pilot.press("m")
        await go_to(pilot, "optimizer.lr")
        await pilot.press("enter", "delete", *"-3")
        await settle(pilot)
        edit, rows = screen.query_one("#edit"), screen.query_one(Form).rows
        assert rows.rows[int(edit.styles.offset.y.value) + rows.scroll_offset.y].field.path == "optimizer.lr"


async def test_a_value_that_follows_from_another_field_says_so_instead_of_a_reset(workbench, settle):
    async with workbench("new_run").run_test(size=(120, 40), notifications=True) as pilot:
        pilot.app.screen._choose("optimizer", "muon")
        await go_to(pilot, "optimizer.lr")
        await pilot.press("x")
        await settle(pilot)
        assert any("follows from another change" in notice.message for notice in pilot.app._notifications)
        await go_to(pilot, "optimizer")
        await pilot.press("x")
        await settle(pilot)
        assert pilot.app.screen.editor.changed == 0


# --- what a list tells about the choice under its cursor --------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_schedule_is_previewed_while_the_cursor_moves_over_the_list(workbench, settle, until, size):
    async with workbench("new_run").run_test(size=size) as pilot:
        app = pilot.app
        await go_to(pilot, "schedule")
        await pilot.press("enter")
        await settle(pilot)
        before, seen = app.screen, set()
        for name in ("constant", "exponential", "one_cycle"):
            rows = app.screen.query_one(OptionRows)
            rows.cursor = next(i for i, option in enumerate(rows.options) if option.value == name)
            await until(pilot, lambda: "as it is" in app.screen.query_one("#about", Pane).text)
            await settle(pilot, REST_SECONDS + 0.1)
            seen.add(app.screen.query_one("#about", Pane).text)
        assert len(seen) == 3 and app.screen is before
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen.editor.changed == 0, "a preview changes nothing"


async def test_a_list_without_more_to_tell_has_no_pane_below_it(workbench, settle):
    async with workbench("new_run").run_test() as pilot:
        await go_to(pilot, "optimizer")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Pick) and not pilot.app.screen.query("#about")
