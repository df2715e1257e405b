"""The list of what differs from the preset, with the way back from each."""

import pytest

from tests.tui.form_driver import go_to, type_into
from tui.forms.change_list import ChangeList
from tui.forms.form import Form

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])


async def change_three(pilot):
    for path, text in (("optimizer.lr", "0.3"), ("epochs", "5"), ("loss.label_smoothing", "1.2")):
        await type_into(pilot, path, text)
    await pilot.pause()


@SIZES
async def test_each_change_is_a_row_with_what_it_was_and_what_is_wrong(workbench, screen_text, settle, size):
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await change_three(pilot)
        rows = app.screen.query_one(ChangeList)
        lines = ["".join(text for text, _ in rows.draw(i, 100, False)).split() for i in range(rows.row_count())]
        assert lines == [
            ["epochs", "8", "→", "5"],
            ["optimizer.lr", "0.2", "→", "0.3"],
            ["loss.label_smoothing", "0", "→", "1.2", "not", "valid:", "needs", "<", "1"],
        ]
        assert rows.display and "3 fields differ from quickstart" in screen_text(app)
        assert "loss.label_smoothing: got 1.2, needs < 1. Nothing starts" in screen_text(app)


@SIZES
async def test_x_in_the_list_undoes_that_change_alone_and_u_brings_it_back(workbench, settle, size):
    app = workbench("new_run")
    async with app.run_test(size=size) as pilot:
        await change_three(pilot)
        rows, editor = app.screen.query_one(ChangeList), app.screen.editor
        await pilot.press("tab", "g", "j")
        await settle(pilot)
        assert app.focused is rows and rows.field.path == "optimizer.lr"
        await pilot.press("x")
        await settle(pilot)
        assert sorted(field.path for field in rows.fields) == ["epochs", "loss.label_smoothing"]
        assert editor.recipe.epochs == 5 and app.focused is rows
        await pilot.press("u")
        await settle(pilot)
        assert editor.recipe.optimizer.options["lr"] == 0.3


async def test_when_the_last_change_is_undone_the_keys_go_back_to_the_form(workbench, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await type_into(pilot, "epochs", "5")
        await pilot.press("tab", "x")
        await settle(pilot)
        assert app.screen.editor.changed == 0 and app.focused is app.screen.query_one(Form).rows


async def test_enter_goes_to_the_field_and_the_cursor_of_the_form_shows_its_change(workbench, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await change_three(pilot)
        form, rows = app.screen.query_one(Form), app.screen.query_one(ChangeList)
        await go_to(pilot, "epochs")
        assert rows.field.path == "epochs"
        await pilot.press("tab", "G", "enter")
        await settle(pilot)
        assert form.field.path == "loss.label_smoothing" and app.focused is form.rows


async def test_tab_returns_to_the_form_and_stays_there_without_a_change(workbench, settle):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("tab")
        await settle(pilot)
        assert app.focused is app.screen.query_one(Form).rows
        await type_into(pilot, "epochs", "5")
        await pilot.press("tab", "tab")
        await settle(pilot)
        assert app.focused is app.screen.query_one(Form).rows
