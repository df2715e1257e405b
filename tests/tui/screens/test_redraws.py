"""Which panes are drawn again at a key: all that show something else, and none of the others."""

from dataclasses import replace

import pytest

from tests.tui.compared import known
from tests.tui.form_driver import go_to, type_into
from tui.drawing.kept import Kept
from tui.forms import panes
from tui.forms.change_list import ChangeList
from tui.forms.estimate import Hardware
from tui.inspection import confusion_tab, disagree_tab, gallery, mistakes_tab, overview_tab, text_tabs
from tui.screens import compare_panes, form_panes
from tui.widgets.line_list import LineView
from tui.widgets.pane import Pane

GB = 10**9
GPUS = Hardware(gpus=(("NVIDIA H100", 70 * GB, 80 * GB),), devices=("auto", "cpu", "cuda:0"), disk_free=GB)


@pytest.fixture
def calls(monkeypatch):
    """Counts the calls of functions: `count(module, name, ...)` returns a dict that fills up."""

    def count(module, *names):
        found = dict.fromkeys(names, 0)

        def counted(name, function):
            def call(*args, **kwargs):
                found[name] += 1
                return function(*args, **kwargs)

            return call

        for name in names:
            monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
        return found

    return count


def stale(screen, draw):
    """The panes that look different once everything is drawn anew."""
    views = [view for view in screen.query(LineView) if view.display and view.size.height]
    before = [list(view.lines) for view in views]
    for pane in screen.query(Pane):
        pane._subject = None
    if hasattr(screen, "_kept"):
        screen._kept = Kept()
    draw()
    return [view.id for view, lines in zip(views, before, strict=True) if view.lines != lines]


# --- New run ------------------------------------------------------------------------------------------------------


def texts(screen):
    found = {pane.id: pane.text for pane in screen.query(Pane) if pane.id and pane.display}
    changes = screen.query_one(ChangeList)
    return found | {"changes": [(field.path, field.text) for field in changes.fields]}


@pytest.mark.parametrize(
    ("path", "text", "others"),
    [
        ("optimizer.lr", "0.0123", {"changed", "lr"}),
        ("epochs", "7", {"changed", "lr"}),
        ("batch_size", "64", {"changed", "before", "memory"}),
        ("optimizer.weight_decay", "0.001", set()),
        ("schedule.warmup", "3", {"changed", "lr"}),
    ],
)
async def test_each_pane_of_the_form_follows_what_it_shows_and_no_other_changes(
    workbench, make_run, settle, path, text, others
):
    make_run(seed=3)
    app = workbench("new_run")
    async with app.run_test(size=(200, 50)) as pilot:
        await settle(pilot)
        form = app.screen
        form.editor.put("optimizer.weight_decay", "0.002")
        form._set_machine(GPUS)
        await go_to(pilot, path)
        await settle(pilot)
        before = texts(form)
        await pilot.press("enter")
        form.query_one("#edit").value = ""
        await pilot.press(*text)
        await settle(pilot)
        now = texts(form)
        changed = {name for name in now if now[name] != before[name]}
        assert changed - {"help"} == {"command", "changes", *others}, "before Enter, while it is typed"
        assert stale(form, form.show) == []
        await pilot.press("escape")
        await settle(pilot)
        assert texts(form) == before, "all of it is taken back"


async def test_the_estimates_follow_seeds_and_earlier_runs(workbench, make_run, settle, screen_text):
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await type_into(pilot, "place.seeds", "0-2")
        await settle(pilot)
        before = app.screen.query_one("#before", Pane)
        assert "no earlier run here" in before.text and "for 3 in sequence" not in before.text
        make_run(seed=3)
        app.workspace.refresh()
        app.screen.runs_changed()
        assert "from 1 run here" in before.text and "for 3 in sequence" in before.text
        was = before.text
        await type_into(pilot, "epochs", "16")
        assert before.text != was


async def test_text_that_leaves_the_rates_as_they_are_draws_no_schedule(workbench, make_run, settle, calls):
    make_run()
    app = workbench("new_run")
    async with app.run_test(size=(120, 40)) as pilot:
        await type_into(pilot, "optimizer.weight_decay", "0.001")
        await go_to(pilot, "place.name")
        await pilot.press("enter")
        await settle(pilot)
        drawn, estimated = calls(panes, "learning_rate", "command"), calls(form_panes, "before_you_start")
        await pilot.press(*"abc")
        await settle(pilot)
        assert drawn == {"learning_rate": 0, "command": 3} and estimated == {"before_you_start": 0}
        await pilot.press("enter")
        await go_to(pilot, "optimizer.weight_decay")
        await pilot.press("enter", *"25", "enter")
        assert drawn["learning_rate"] == 0 and "weight_decay=25" in app.screen.query_one("#command").text
        await type_into(pilot, "optimizer.lr", "0.5")
        assert drawn["learning_rate"] > 0


async def test_another_size_and_other_colors_reach_every_pane(workbench, make_run, settle):
    make_run()
    app = workbench("new_run")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        form = app.screen
        for size in ((120, 40), (200, 50)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            assert stale(form, form.show) == []
        pane = form.query_one("#lr", Pane)
        before = pane.render_line(0)
        app.choose_theme("light")
        await settle(pilot)
        after = pane.render_line(0)
        assert after.text == before.text and after != before


# --- Inspect ------------------------------------------------------------------------------------------------------


def drawn_anew(screen):
    screen._facts = replace(screen._facts, kept=Kept())
    screen._draw()


async def test_a_move_among_mistakes_counts_and_draws_only_what_is_new(shown, ready, settle, calls):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab")
        await ready(pilot)
        tables = calls(mistakes_tab, "frequent", "by_class", "mistaken", "suspects_pane")
        pictures, about = calls(gallery, "picture"), calls(mistakes_tab, "considered")
        await pilot.press("l")
        await ready(pilot)
        assert about["considered"] > 0, "the pane about the image follows"
        assert set(tables.values()) == {0} and pictures == {"picture": 0}, "the same page with the frame elsewhere"
        await pilot.press("o")
        await ready(pilot)
        assert tables["mistaken"] == 1 and pictures["picture"] > 0 and tables["frequent"] == 0
        assert stale(app.screen, lambda: drawn_anew(app.screen)) == []


async def test_every_tab_of_a_run_shows_what_it_shows_drawn_anew(shown, ready, until):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        for keys in ("[a", "jn", "lc", "lv", "j", "j"):
            for key in keys:
                await pilot.press("left_square_bracket" if key == "[" else key)
                await ready(pilot)
                assert stale(app.screen, lambda: drawn_anew(app.screen)) == [], (app.screen._chosen, key)
            await pilot.press("tab")
        first = app.screen._facts
        await pilot.press("comma")
        await until(pilot, lambda: app.screen._facts.view is not first.view)
        assert app.screen._facts.kept is not first.kept
        assert stale(app.screen, lambda: drawn_anew(app.screen)) == [], "another run"


async def test_keys_of_one_pane_leave_the_others_of_inspect_alone(shown, ready, calls):
    app = shown(marked=(0, 1, 3))
    async with app.run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        overview = calls(overview_tab, "accuracy_curves", "files_pane", "made_pane", "recipe_pane", "commands_pane")
        await pilot.press("left_square_bracket")
        await ready(pilot)
        assert overview.pop("accuracy_curves") == 1 and set(overview.values()) == {0}
        await pilot.press("tab")
        await ready(pilot)
        confusion = calls(confusion_tab, "confusion", "where_mistakes_go")
        await pilot.press("j")
        await ready(pilot)
        assert confusion == {"confusion": 1, "where_mistakes_go": 0}, "once without pictures and once with them"
        await pilot.press("tab", "tab")
        await ready(pilot)
        disagree = calls(disagree_tab, "churn_pane")
        await pilot.press("l")
        await ready(pilot)
        assert disagree == {"churn_pane": 0}
        await pilot.press("v")
        await ready(pilot)
        assert disagree == {"churn_pane": 1}
        await pilot.press("tab", "tab")
        await ready(pilot)
        log = calls(text_tabs, "log_pane")
        await pilot.press("j")
        await ready(pilot)
        assert log == {"log_pane": 0}, "it is scrolled"


# --- Compare ------------------------------------------------------------------------------------------------------


async def test_the_curves_are_drawn_only_when_a_key_changes_them(judged_runs, workbench, until, settle, calls):
    app = workbench("compare")
    app.workspace.marked = judged_runs
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: known(app))
        await settle(pilot)
        drawn = calls(compare_panes, "overlay_chart", "classes_pane", "lower_lines", "recipe_labels")

        async def after(key):
            drawn.update(dict.fromkeys(drawn, 0))
            await pilot.press(key)
            await settle(pilot)
            assert stale(app.screen, app.screen._draw) == [], key
            drawn.update({name: drawn[name] - 1 for name in drawn})  # that draws everything once
            return dict(drawn)

        before = app.screen.query_one("#overlay", Pane).text
        assert await after("o") == {"overlay_chart": 0, "classes_pane": 0, "lower_lines": 1, "recipe_labels": 0}
        assert await after("f") == {"overlay_chart": 0, "classes_pane": 0, "lower_lines": 1, "recipe_labels": 0}
        assert await after("w") == {"overlay_chart": 1, "classes_pane": 0, "lower_lines": 0, "recipe_labels": 0}
        assert await after("m") == {"overlay_chart": 1, "classes_pane": 0, "lower_lines": 0, "recipe_labels": 0}
        assert app.screen.query_one("#overlay", Pane).text != before
        assert await after("j") == {"overlay_chart": 1, "classes_pane": 1, "lower_lines": 1, "recipe_labels": 0}


async def test_the_panes_of_compare_follow_marks_baseline_and_cursor(judged_runs, workbench, until, settle):
    app = workbench("compare")
    app.workspace.marked = judged_runs
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: known(app))
        for key, changed in (
            ("j", {"overlay"}),
            ("b", {"overlay", "classes"}),
            ("G", {"overlay"}),
            ("space", {"overlay"}),
        ):
            before = {pane.id: pane.lines for pane in app.screen.query(Pane)}
            judged = app.screen._judged
            await pilot.press(key)
            await until(pilot, lambda judged=judged, key=key: key in "jG" or app.screen._judged is not judged)
            await until(pilot, lambda: known(app))
            await settle(pilot)
            now = {pane.id: pane.lines for pane in app.screen.query(Pane)}
            assert changed <= {name for name in now if now[name] != before[name]}, key
            assert stale(app.screen, app.screen._draw) == [], key
