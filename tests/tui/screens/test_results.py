"""Results: the table of all runs, how it is sorted and grouped, and which run it selects."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.demo import ManyRuns
from tui.widgets.run_list import RunList


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_shows_runs_their_changes_and_a_preview(workbench, make_run, screen_text, until, size):
    run = make_run(changes="lr .005→.01", accuracy=0.9626, name="paper v2")
    async with workbench("results").run_test(size=size) as pilot:
        await until(pilot, lambda: "95 % CI of one run" in screen_text(pilot.app))
        seen = screen_text(pilot.app)
        for words in (
            run.id[-4:],
            "lr .005→.01",
            "96.26",
            "3/3",
            '"paper v2"',
            "95 % CI of one run",
            "repeat  cifar-tui",
        ):
            assert words in seen
        if size == (120, 40):  # a narrower list has no room for the best accuracy
            assert "* best epoch picked on test" in seen and "96.26*" in seen


async def test_ten_thousand_runs_draw_only_the_rows_in_sight(workbench, settle, monkeypatch):
    drawn = []
    original = RunList.draw

    def draw(self, row, width, at_cursor):
        drawn.append(row)
        return original(self, row, width, at_cursor)

    monkeypatch.setattr(RunList, "draw", draw)
    app = workbench("results", index=ManyRuns(10_000))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert app.screen.query_one(RunList).row_count() == 10_001
        height = app.screen.query_one(RunList).size.height
        assert max(drawn) < 40  # never more than the terminal has lines
        drawn.clear()
        await pilot.press("G")
        await pilot.pause()
        assert app.screen.query_one(RunList).run.seed == 0
        assert len(set(drawn)) <= height + 2


async def test_space_marks_and_v_compares(workbench, make_run, settle):
    runs = [make_run(), make_run()]
    app = workbench("results")
    visited = []
    app.visit = visited.append
    async with app.run_test() as pilot:
        await pilot.press("space", "space")
        await settle(pilot)
        assert set(app.workspace.marked) == set(runs)
        await pilot.press("v")
        await settle(pilot)
        assert visited == ["compare"]


async def test_star_marks_all_that_is_shown_or_none_and_u_takes_marks_back(workbench, make_run, settle, screen_text):
    runs = [make_run(seed=seed) for seed in range(3)]
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("asterisk")
        await settle(pilot)
        assert set(app.workspace.marked) == set(runs) and "3 marked" in screen_text(app)
        await pilot.press("space", "asterisk")  # one is unmarked, then the others
        await settle(pilot)
        assert app.workspace.marked == []
        for left in (2, 3, 0):
            await pilot.press("u")
            await settle(pilot)
            assert len(app.workspace.marked) == left
        await pilot.press("slash", *"seed<1", "enter", "asterisk")
        await settle(pilot)
        assert [run.info().seed for run in app.workspace.marked] == [0]


async def test_u_says_when_there_is_nothing_to_undo(workbench, make_run, settle):
    make_run()
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("u")
        await settle(pilot)
        assert [notice.message for notice in app._notifications] == ["nothing to undo (* removes all marks)"]


async def test_b_makes_the_baseline_and_takes_it_back(workbench, make_run, settle):
    run = make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("b")
        await settle(pilot)
        assert app.workspace.baseline == run
        await pilot.press("b")
        await settle(pilot)
        assert app.workspace.baseline is None


async def test_sort_offers_every_column(workbench, settle):
    app = workbench("results", index=ManyRuns(30))
    async with app.run_test() as pilot:
        await pilot.press("s", "j", "enter")
        await settle(pilot)
        assert app.screen.query_one(RunList).run.last_accuracy == 29 / 20000
        await pilot.press("r", "g")
        await settle(pilot)
        assert app.screen.query_one(RunList).run.last_accuracy == 0


async def test_o_groups_by_recipe_and_back(workbench, make_run, screen_text, settle):
    for seed, accuracy in enumerate((0.90, 0.92)):
        make_run(seed=seed, accuracy=accuracy)
    async with workbench("results").run_test() as pilot:
        await pilot.press("o")
        await settle(pilot)
        assert "quickstart  91.00 ±1.41 (n=2)" in screen_text(pilot.app)
        await pilot.press("o")
        await settle(pilot)
        assert "━ finished ─" in screen_text(pilot.app)


async def test_enter_opens_the_run_on_the_dashboard(workbench, make_run, settle):
    run = make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == "dashboard"
        assert app.workspace.selected == run


async def test_hostile_names_reach_the_screen_as_plain_text(workbench, make_run, screen_text, until):
    make_run(changes="[red]evil[/red] [@click=app.exit]", state="failed", message="[bold]no[/bold]")
    app = workbench("results")
    async with app.run_test(size=(160, 40)) as pilot:
        await until(pilot, lambda: "[bold]no[/bold]" in screen_text(app))
        seen = screen_text(app)
        assert "[red]evil[/red] [@click=app.exit]" in seen
        assert "[bold]no[/bold]" in seen


@pytest.mark.parametrize("key", ["1", "6", "i"])
async def test_the_run_under_the_cursor_is_the_one_that_other_screens_show(workbench, make_run, settle, key):
    runs = [make_run(seed=seed) for seed in range(3)]
    app = workbench("results")
    async with app.run_test() as pilot:
        await settle(pilot)
        for run in (runs[1], runs[0], runs[2]):
            app.screen.query_one(RunList).go_to(run.id)
            await pilot.press(key)
            await settle(pilot)
            assert app.current_mode == ("dashboard" if key == "1" else "inspect")
            shown = app.screen._view if key == "1" else app.screen._facts.view
            assert app.workspace.selected == run and shown.run == run
            await pilot.press("2")
            await settle(pilot)
            assert app.screen.query_one(RunList).run.id == run.id


async def test_the_cursor_goes_along_when_another_screen_goes_on_to_another_run(workbench, make_run, settle):
    for seed in range(3):
        make_run(seed=seed)
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("1", "full_stop", "full_stop")
        await settle(pilot)
        there = app.workspace.selected
        await pilot.press("2")
        await settle(pilot)
        assert app.screen.query_one(RunList).run.id == there.id == app.workspace.selected.id


async def test_when_rows_go_the_selection_is_still_the_run_under_the_cursor(workbench, make_run, settle):
    runs = [make_run(seed=seed) for seed in range(3)]
    app = workbench("results")
    async with app.run_test() as pilot:
        await settle(pilot)
        app.screen.query_one(RunList).go_to(runs[2].id)
        await pilot.press("slash", *"seed<1", "enter")
        await settle(pilot)
        assert app.workspace.selected == runs[0]
        await pilot.press("escape", "D", "d")
        await settle(pilot, 0.2)
        rows = app.screen.query_one(RunList)
        assert rows.row_count() == 3 and rows.run.id in {runs[1].id, runs[2].id}
        assert app.workspace.selected.id == rows.run.id


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("mode", ["results", "dashboard"])
@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("starting", "S stop"),
        ("failed", "C resume"),
        ("stopped", "C resume"),
        ("preempted", "C resume"),
        ("finished", ""),
    ],
)
async def test_the_key_line_offers_what_the_run_allows(
    workbench, make_run, settle, screen_text, size, mode, state, offered
):
    make_run(state="finished")
    run = make_run(state=state)
    app = workbench(mode)
    app.workspace.selected = run
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        line = screen_text(app).splitlines()[-1]
        assert [words for words in ("S stop", "C resume") if words in line] == [offered] * bool(offered)


async def test_the_key_line_follows_the_cursor(workbench, make_run, settle, screen_text):
    make_run(state="failed")
    make_run(state="starting")
    app = workbench("results")
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "S stop" in screen_text(app).splitlines()[-1]
        await pilot.press("j")
        await settle(pilot)
        assert "C resume" in screen_text(app).splitlines()[-1]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_every_size_shows_the_name_of_a_run(workbench, make_run, settle, screen_text, size):
    make_run(name="paper v2")
    async with workbench("results").run_test(size=size) as pilot:
        await settle(pilot)
        rows = [line for line in screen_text(pilot.app).splitlines() if "quickstart" in line and "3/3" in line]
        assert len(rows) == 1 and "paper v2" in rows[0]


async def test_p_pins_a_run_to_the_top_and_u_lets_it_go(workbench, make_run, settle, screen_text):
    old, _ = make_run(), make_run(seed=1)
    app = workbench("results")
    async with app.run_test() as pilot:
        app.screen.query_one(RunList).go_to(old.id)
        await pilot.press("p")
        await settle(pilot)
        rows = app.screen.query_one(RunList)
        assert old.labels().pinned and "━ pinned ─" in screen_text(app)
        assert rows.runs[0].id == old.id == rows.run.id, "the cursor goes along"
        await pilot.press("u")
        await settle(pilot)
        assert not old.labels().pinned and "━ pinned ─" not in screen_text(app)


async def test_c_chooses_the_columns_and_the_next_visit_has_them(workbench, make_run, settle, screen_text, tmp_path):
    make_run(name="paper v2")
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("c", "j", "j", "space")
        await settle(pilot)
        assert "[ ] name, tags" in screen_text(app)
        await pilot.press("q")
        await settle(pilot)
        assert "name, tags" not in screen_text(app)
    again = workbench("results")
    async with again.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "name, tags" not in screen_text(again)
        await pilot.press("c", "0", "q")
        await settle(pilot)
        assert "name, tags" in screen_text(again)
        await pilot.press("c", "space")  # the recipe is always there
        await settle(pilot)
        assert "[x] recipe" in screen_text(again)


async def test_delete_acts_on_the_run_under_the_cursor_and_not_on_marks_elsewhere(workbench, make_run, settle):
    other, here = make_run(), make_run(seed=1)
    app = workbench("results")
    async with app.run_test() as pilot:
        app.workspace.toggle_mark(other)
        app.screen.query_one(RunList).go_to(here.id)
        await pilot.press("D", "d")
        await settle(pilot)
        assert other.path.exists() and not here.path.exists()


async def test_an_empty_list_says_how_to_begin(workbench, settle, screen_text):
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "no runs yet: 4 opens New run" in screen_text(app)


def test_the_first_paint_needs_no_numpy():
    code = "import sys, tui.app, tui.screens.results; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


async def test_a_run_marked_in_a_list_sorted_by_accuracy_is_remembered_as_picked(workbench, make_run, settle):
    runs = [make_run(accuracy=0.9 + i / 100) for i in range(4)]
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await settle(pilot)
        assert app.workspace.picked == {}, "sorted by start time"
        await pilot.press("asterisk")
        app.screen._sort_chosen("last")
        await settle(pilot)
        await pilot.press("g", "space", "space", "space")
        await settle(pilot)
        best, second = str(runs[3].path), str(runs[2].path)
        assert app.workspace.picked == {best: (1, 4), second: (2, 4)}, "the third is in the worse half"
        fresh = workbench("results").workspace
        assert fresh.picked == app.workspace.picked
        await pilot.press("g", "space")
        await settle(pilot)
        assert app.workspace.picked == {second: (2, 4)}
