"""Suites on the screen: the table, the marks, smaller runs, and rows that are queued after asking."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, RunStarted
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import create
from presets import loader, suites
from tui.plans.suite import Shrink
from tui.screens.confirm import Confirm
from tui.screens.pick import Pick
from tui.screens.prompt import Prompt
from tui.screens.suites_state import SuiteState, parse_shrink
from tui.widgets.suite_rows import SuiteRows

SUITE = """
title = "A table [bold]with[/] markup"
description = "d"
source = "s"
selection = "best_on_test"
[base]
recipe = "quickstart"
model = "lenet"
[[rows]]
id = "plain"
title = "nothing"
note = "an odd row [red]x[/]"
reported = {test_accuracy = 0.5, test_loss = 0.3}
[[rows]]
id = "jitter"
add_op = ["color_jitter"]
reported = {test_accuracy = 0.6, selection = "last"}
"""


@pytest.fixture
def tiny():
    path = loader.user_folder() / "suites" / "tiny.toml"
    path.parent.mkdir(parents=True)
    path.write_text(SUITE)
    return suites.load("tiny")


@pytest.fixture
def ended(root, tiny):
    """A finished run of a row."""

    def make(row, seed=0, accuracies=(0.55, 0.52), shrink=None):
        recipe = SuiteState("tiny", catalog(), shrink).items([tiny.row(row)])[0].resolution.recipe
        run = create(root, recipe, seed=seed)
        with EventWriter(run.events) as events:
            events.write(RunStarted(epochs=recipe.epochs, test_images=1000, device_name="a card"))
            for number, accuracy in enumerate(accuracies, 1):
                events.write(Epoch(number, test_accuracy=accuracy, test_loss=0.4))
        ExitRecord("finished").write(run.exit)
        return run

    return make


async def opened(app, pilot, settle, name="tiny"):
    await settle(pilot)
    app.show_suite(name)
    await settle(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_reported_and_measured_stand_side_by_side(workbench, ended, screen_text, settle, size):
    ended("plain")
    app = workbench("results")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, settle)
        seen = screen_text(app)
        assert "A table [bold]with[/] markup" in seen and "an odd row [red]x[/]" in seen
        (line,) = [line for line in seen.splitlines() if line.startswith("▸")]
        assert "50.00*" in line and "55.00*" in line and "+5.00" in line and "52.00" in line
        assert "test loss 0.300 / 0.400" in seen
        assert "a card" in line


async def test_a_run_that_ends_shows_by_itself(workbench, ended, screen_text, settle):
    app = workbench("results")
    async with app.run_test() as pilot:
        await opened(app, pilot, settle)
        assert "+5.00" not in screen_text(app)
        ended("plain")
        app.workspace.refresh()
        app.on_runs_changed()
        await settle(pilot)
        assert "+5.00" in screen_text(app)


async def test_marked_rows_are_queued_after_asking_and_what_is_there_is_left(workbench, ended, launcher, settle):
    ended("plain", seed=1)
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await opened(app, pilot, settle)
        await pilot.press("space", "space", "ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, Prompt)
        await pilot.press("backspace", *"0-1", "enter")
        await settle(pilot)
        assert isinstance(app.screen, Confirm) and launcher.started == []
        await pilot.press("s")
        await settle(pilot)
        begun = [(run.info().seed, set(run.labels().tags)) for run in launcher.started]
        assert begun == [
            (0, {"suite:tiny", "row:plain"}), (0, {"suite:tiny", "row:jitter"}), (1, {"suite:tiny", "row:jitter"}),
        ]  # fmt: skip
        assert any("3 runs of tiny queued" in notice.message for notice in app._notifications)


async def test_star_marks_every_row_or_none_and_u_takes_it_back(workbench, tiny, settle):
    app = workbench("results")
    async with app.run_test() as pilot:
        await opened(app, pilot, settle)
        marks = []
        for key in ("space", "asterisk", "asterisk", "u", "u", "u"):
            await pilot.press(key)
            await settle(pilot)
            marks.append(set(app.screen._state.marked))
        assert marks == [{"plain"}, set(), {"plain", "jitter"}, set(), {"plain"}, set()]


async def test_without_marks_the_row_at_the_cursor_is_meant(workbench, tiny, launcher, settle):
    app = workbench("results")
    async with app.run_test() as pilot:
        await opened(app, pilot, settle)
        await pilot.press("j", "ctrl+s")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert launcher.started == [], "not now"
        await pilot.press("ctrl+s")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        (run,) = launcher.started
        assert "row:jitter" in run.labels().tags


async def test_shrunk_runs_have_a_table_of_their_own_that_says_so(workbench, ended, screen_text, launcher, settle):
    ended("plain")
    ended("plain", accuracies=(0.3,), shrink=Shrink(1, 0.5))
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, settle)
        await pilot.press("x")
        await settle(pilot)
        await pilot.press(*"1 0.5", "enter")
        await settle(pilot)
        seen = screen_text(app)
        assert "shrunk to 1 epoch and 50 % of the training images" in seen
        assert "-20.00" in seen and "+5.00" not in seen


async def test_another_table_is_picked(workbench, tiny, screen_text, settle):
    app = workbench("results")
    async with app.run_test() as pilot:
        await opened(app, pilot, settle, "")
        await pilot.press("p")
        await settle(pilot)
        assert isinstance(app.screen, Pick)
        await pilot.press("slash", *"resnet_stages", "enter")
        await settle(pilot)
        assert "train3_readme" in screen_text(app) and "96.47?" in screen_text(app)


async def test_enter_opens_the_newest_run_and_e_fills_in_new_run(workbench, ended, settle):
    run = ended("plain")
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await opened(app, pilot, settle)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert app.current_mode == "results" and any("no run yet" in notice.message for notice in app._notifications)
        await pilot.press("k", "enter")
        await settle(pilot)
        assert app.current_mode == "dashboard" and app.workspace.selected == run
        await pilot.press("q")
        await settle(pilot)
        assert app.screen.query_one(SuiteRows).has_focus
        await pilot.press("E")
        await settle(pilot)
        assert app.current_mode == "new_run" and app.screen.editor.draft.preset == "suite:tiny/plain"


async def test_the_help_begins_with_the_keys_of_the_table(workbench, tiny, screen_text, settle):
    app = workbench("results")
    async with app.run_test() as pilot:
        await opened(app, pilot, settle)
        await pilot.press("question_mark")
        await settle(pilot)
        assert "Queue the marked rows" in screen_text(app)


async def test_the_report_is_copied_as_markdown(workbench, ended, settle, monkeypatch):
    ended("plain")
    app = workbench("results")
    copied = []
    monkeypatch.setattr(app, "copy", lambda text, what: copied.append(text))
    async with app.run_test() as pilot:
        await opened(app, pilot, settle)
        await pilot.press("y")
        await settle(pilot)
    assert "| plain[^1] | 50.00\\* | 55.00\\* | +5.00 |" in copied[0]


async def test_a_broken_suite_is_told_and_the_screen_stays(workbench, screen_text, settle):
    path = loader.user_folder() / "suites" / "broken.toml"
    path.parent.mkdir(parents=True)
    path.write_text('title = "x"\n')
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await opened(app, pilot, settle, "broken")
        assert any("rows: missing" in notice.message for notice in app._notifications)
        await pilot.press("space", "ctrl+s", "enter", "E", "y", "u")
        await settle(pilot)
        assert not isinstance(app.screen, Prompt)


@pytest.mark.parametrize(
    ("text", "shrink"),
    [("", Shrink()), ("2", Shrink(2)), ("2 0.1", Shrink(2, 0.1)), ("- .5", Shrink(0, 0.5))],
)
def test_a_size_is_epochs_and_a_part_of_the_images(text, shrink):
    assert parse_shrink(text) == shrink


@pytest.mark.parametrize("text", ["x", "2 x", "2 0.1 3", "2 5", "1.5", "-1"])
def test_an_impossible_size_is_refused(text):
    with pytest.raises(BadInput):
        parse_shrink(text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_rows_are_filtered_sorted_and_reversed(workbench, ended, screen_text, settle, size):
    ended("plain")
    app = workbench("results")
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, settle)

        def ids():
            return [row[0] for row in app.screen.query_one(SuiteRows)._table.rows]

        assert ids() == ["plain", "jitter"] and "as published" in screen_text(app)
        await pilot.press("s", "down", "enter")
        await settle(pilot)
        assert ids() == ["jitter", "plain"] and "by reported accuracy" in screen_text(app)
        await pilot.press("r")
        await settle(pilot)
        assert ids() == ["plain", "jitter"]
        await pilot.press("slash", *"jitt")
        await settle(pilot)
        assert ids() == ["jitter"] and "1 of 2 rows" in screen_text(app)
        await pilot.press("enter", "asterisk")
        await settle(pilot)
        assert app.screen._state.marked == {"jitter"} and app.screen._row_at_cursor().id == "jitter"
        await pilot.press("q")
        await settle(pilot)
        assert ids() == ["plain", "jitter"]
