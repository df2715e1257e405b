"""Results: the table of all runs, what one can find in it and do from it."""

import asyncio
import json

import pytest
from textual.widgets import Input

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.process import ExitRecord
from engine.contract.run.store import create, empty, in_trash
from engine.launch import control, local
from presets.references import recipe_of
from tests.tui.demo import summary
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.widgets.pane import Pane
from tui.widgets.run_list import RunList

HOSTILE = "\x1b[31m[red]evil[/red]\x07\nsecond line"


class ManyRuns:
    """An index over rows that need no folders."""

    def __init__(self, count: int) -> None:
        self.all = [
            summary(
                id=f"20261122-{i:06d}-{i:04x}", seed=i, last_accuracy=i / 20000, started=1e9 + i, folder=f"/nowhere/{i}"
            )
            for i in range(count)
        ]

    def rows(self, roots):
        return list(self.all)


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
        assert "* best epoch picked on test" in seen


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


async def test_the_filter_works_while_typing(workbench, settle):
    app = workbench("results", index=ManyRuns(200))
    async with app.run_test() as pilot:
        await pilot.press("slash", *"seed<10")
        await settle(pilot)
        rows = app.screen.query_one(RunList)
        assert rows.row_count() == 11
        await pilot.press("enter")
        assert app.focused is rows
        await pilot.press("slash")
        assert app.screen.query_one("#filter", Input).value == "seed<10"


async def test_a_half_typed_filter_keeps_the_rows_and_says_what_is_wrong(workbench, settle, screen_text):
    app = workbench("results", index=ManyRuns(20))
    async with app.run_test() as pilot:
        await pilot.press("slash")
        for value in ("seed<10", "seed<10 sed>5"):
            app.screen.query_one("#filter", Input).value = value
            await settle(pilot)
        assert app.screen.query_one(RunList).row_count() == 11
        assert "did you mean seed" in screen_text(app)


async def test_escape_leaves_the_filter_and_shows_all_runs_again(workbench, settle):
    app = workbench("results", index=ManyRuns(20))
    async with app.run_test() as pilot:
        await pilot.press("slash", *"seed<3", "escape")
        await settle(pilot)
        assert app.focused is app.screen.query_one(RunList)
        assert app.screen.query_one(RunList).row_count() == 21


async def test_space_marks_and_v_compares(workbench, make_run, settle):
    runs = [make_run(), make_run()]
    app = workbench("results")
    visited = []
    app.visit = visited.append
    async with app.run_test() as pilot:
        await pilot.press("space", "space")
        assert set(app.session.marked) == set(runs)
        await pilot.press("v")
        assert visited == ["compare"]


async def test_star_marks_all_that_is_shown_or_none_and_u_takes_marks_back(workbench, make_run, settle, screen_text):
    runs = [make_run(seed=seed) for seed in range(3)]
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("asterisk")
        assert set(app.session.marked) == set(runs) and "3 marked" in screen_text(app)
        await pilot.press("space", "asterisk")  # one is unmarked, then the others
        assert app.session.marked == []
        for left in (2, 3, 0):
            await pilot.press("u")
            await settle(pilot)
            assert len(app.session.marked) == left
        await pilot.press("slash", *"seed<1", "enter", "asterisk")
        await settle(pilot)
        assert [run.info().seed for run in app.session.marked] == [0]


async def test_u_says_when_there_is_nothing_to_undo(workbench, make_run, settle):
    make_run()
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("u")
        await settle(pilot)
        assert [notice.message for notice in app._notifications] == ["nothing to undo (* removes all marks)"]


async def test_b_makes_the_baseline_and_takes_it_back(workbench, make_run):
    run = make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("b")
        assert app.session.baseline == run
        await pilot.press("b")
        assert app.session.baseline is None


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
        assert "─ ended 2 ─" in screen_text(pilot.app)


async def test_enter_opens_the_run_on_the_dashboard(workbench, make_run, settle):
    run = make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("enter")
        await settle(pilot)
        assert app.current_mode == "dashboard"
        assert app.session.selected == run


async def test_tags_and_notes_are_written_and_bad_tags_refused(workbench, make_run, settle):
    run = make_run(tags=("old",))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("t")
        await pilot.pause()
        app.screen.query_one(Input).value = "paper a,b"
        await pilot.press("enter")
        assert isinstance(app.screen, Prompt)  # a comma cannot be in a tag
        app.screen.query_one(Input).value = "paper night"
        await pilot.press("enter")
        await settle(pilot)
        assert run.labels().tags == ("paper", "night")
        await pilot.press("e", *"why", "enter")
        await settle(pilot)
        assert run.labels().notes == ("why",)
        await pilot.press("e", *"why not", "enter")
        await settle(pilot)
        for notes, tags in ((("why",), ("paper", "night")), ((), ("paper", "night")), ((), ("old",))):
            await pilot.press("u")
            await settle(pilot)
            assert (run.labels().notes, run.labels().tags) == (notes, tags)


@pytest.mark.parametrize(("letter", "name"), [("s", "stop"), ("k", "kill")])
async def test_stop_asks_and_offers_kill(workbench, make_run, settle, monkeypatch, letter, name):
    run = make_run(state="starting")
    done = []
    monkeypatch.setattr(control, name, done.append)
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("S")
        assert isinstance(app.screen, Confirm)
        assert done == []
        await pilot.press(letter)
        await settle(pilot)
        assert done == [run]


async def test_delete_asks_and_stays_undone_by_default(workbench, make_run, settle):
    run = make_run()
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("D", "enter")  # the focus is on "Not now"
        await settle(pilot)
        assert run.path.exists()
        await pilot.press("D", "d")
        await settle(pilot)
        assert not run.path.exists()
        assert app.screen.query_one(RunList).row_count() == 0


async def test_what_d_deletes_lies_in_the_trash_and_u_brings_it_back_with_its_marks(
    root, workbench, finished_run, settle, screen_text
):
    runs = {finished_run(root), finished_run(root)}
    before = {path: path.stat().st_ino for path in root.rglob("*") if path.is_file()}
    size = sum(run.size_bytes() for run in runs)
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b", "asterisk", "D", "d")
        await settle(pilot)
        assert {run.id for run in in_trash(root)} == {run.id for run in runs}
        assert app.session.marked == [] and app.session.baseline is None
        assert f"0 runs   trash {size / 1e6:.3g} MB" in screen_text(app)
        await pilot.press("u")
        await settle(pilot)
        assert {path: path.stat().st_ino for path in before} == before and in_trash(root) == []
        assert set(app.session.marked) == runs and app.session.baseline in runs
        seen = screen_text(app)
        assert "trash" not in seen and f"{runs.pop().size_bytes() / 1e6:.3g} MB" in seen and "size" in seen
        await pilot.press("u")
        await settle(pilot)
        assert app.session.marked == []


async def test_u_in_a_question_undoes_nothing(root, workbench, finished_run, settle):
    run = finished_run(root)
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("space", "D", "u")
        await settle(pilot)
        assert app.session.marked == [run] and isinstance(app.screen, Confirm)


async def test_a_deletion_that_cannot_be_undone_says_why(root, workbench, finished_run, settle):
    run = finished_run(root)
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("D", "d")
        await settle(pilot)
        empty(root)
        await pilot.press("u")
        await settle(pilot)
        assert any("does not lie in" in notice.message for notice in app._notifications)
        assert not run.path.exists()


async def test_deleting_a_teacher_tells_who_still_learns_from_it(workbench, make_run, screen_text, settle):
    teacher = make_run()
    student = make_run(state="stopped")
    told = json.loads(student.run_json.read_text())
    student.run_json.write_text(json.dumps(told | {"teacher": {"id": teacher.id}}))
    async with workbench("results").run_test() as pilot:
        await settle(pilot)
        for run, warned in ((teacher, True), (student, False)):
            pilot.app.screen.ask_delete([run])
            await settle(pilot)
            seen = screen_text(pilot.app)
            assert (f"needed as teachers by unfinished runs: {student.id[-4:]}." in seen) == warned
            await pilot.press("q")


async def test_a_live_run_is_not_deleted_and_the_reason_is_said(workbench, make_run, settle):
    run = make_run(state="starting")
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("D", "d")
        await settle(pilot)
        assert run.path.exists()
        assert any("stop it first" in notice.message for notice in app._notifications)


async def test_resume_asks_first(workbench, make_run, settle, monkeypatch):
    run = make_run(state="stopped")
    done = []
    monkeypatch.setattr(control, "resume", lambda run, **_: done.append(run))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("C", "c")
        await settle(pilot)
        assert done == [run]


async def test_changed_code_of_a_run_is_asked_about_before_it_goes_on(workbench, root, settle, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text(
        'from engine.contract.catalog import register\n\n\n'
        '@register("loss", title="Mine")\ndef mine(num_classes):\n    """A loss."""\n'
    )  # fmt: skip
    recipe = recipe_of("quickstart", catalog())
    run = create(root, recipe, seed=0, placement=Placement(parts=(str(tmp_path / "mine.py"),), device="cpu"))
    ExitRecord("stopped", "", "", ended=1e9).write(run.exit)
    copy = run.parts / "mine.py"
    copy.write_text(copy.read_text() + "\nprint('another')\n")
    started = []
    monkeypatch.setattr(local, "start", lambda folder, **options: started.append(options["approved"]))
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        for answer in ("n", "r"):
            await pilot.press("C", "c")
            await settle(pilot, 0.2)
            assert isinstance(app.screen, Confirm) and "has changed since run" in app.screen._body
            await pilot.press(answer)
            await settle(pilot, 0.2)
        assert [list(files) for files in started] == [[str(copy)]]


async def test_closing_the_workbench_does_not_wait_for_a_heartbeat_that_is_watched(
    workbench, make_run, settle, monkeypatch
):
    make_run(state="stopped")
    pauses, ends = [], []

    def resume(run, *, say, pause):
        say("watching")
        try:
            for number in range(600):
                pause(0.05)
                pauses.append(number)
        finally:
            ends.append(run)

    monkeypatch.setattr(control, "resume", resume)
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("C", "c")
        while not any("watching" in notice.message for notice in app._notifications):
            await pilot.pause(0.05)
        assert not ends
    while not ends:
        await asyncio.sleep(0.05)
    assert len(pauses) < 600


async def test_rerun_starts_the_same_recipe_and_seed_again(workbench, make_run, launcher, settle):
    run = make_run(seed=7, sets=("optimizer.lr=0.0123",))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("R")
        await settle(pilot)
        assert launcher.started == []
        await pilot.press("s")
        await settle(pilot, 0.1)
        (again,) = launcher.started
        assert again != run
        assert again.info().seed == 7
        assert again.info().recipe_id == run.info().recipe_id
        assert app.current_mode == "dashboard"


async def test_edit_as_new_opens_the_form_with_the_runs_recipe(workbench, make_run, settle):
    run = make_run(seed=7, sets=("optimizer.lr=0.0123",))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("E")
        await settle(pilot)
        assert app.current_mode == "new_run"
        assert app.screen.editor.recipe.recipe_id == run.info().recipe_id
        assert app.screen.editor.draft.seeds() == [7]


async def test_hostile_names_reach_the_screen_as_plain_text(workbench, make_run, screen_text, until):
    make_run(changes="[red]evil[/red] [@click=app.exit]", state="failed", message="[bold]no[/bold]")
    app = workbench("results")
    async with app.run_test(size=(160, 40)) as pilot:
        await until(pilot, lambda: "[bold]no[/bold]" in screen_text(app))
        seen = screen_text(app)
        assert "[red]evil[/red] [@click=app.exit]" in seen
        assert "[bold]no[/bold]" in seen


async def test_a_preview_reads_one_run_and_only_when_the_cursor_rests(workbench, make_run, settle, until, monkeypatch):
    from tui.screens.preview_reader import Reader

    for _ in range(4):
        make_run()
    read = []
    original = Reader.read
    monkeypatch.setattr(Reader, "read", lambda self, *run: read.append(run[0].id) or original(self, *run))
    app = workbench("results")
    async with app.run_test() as pilot:
        await until(pilot, lambda: read)
        await settle(pilot)
        read.clear()
        rows = app.screen.query_one(RunList)
        for _ in range(3):  # without a rest between
            rows.action_move(1)
        await until(pilot, lambda: read)
        await settle(pilot)
        assert read == [rows.run.id]
        assert app.screen.query_one("#preview", Pane).lines


# --- one selection -------------------------------------------------------------------------------------------


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
            assert app.session.selected == run and app.screen._view.run == run
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
        there = app.session.selected
        await pilot.press("2")
        await settle(pilot)
        assert app.screen.query_one(RunList).run.id == there.id == app.session.selected.id


async def test_when_rows_go_the_selection_is_still_the_run_under_the_cursor(workbench, make_run, settle):
    runs = [make_run(seed=seed) for seed in range(3)]
    app = workbench("results")
    async with app.run_test() as pilot:
        await settle(pilot)
        app.screen.query_one(RunList).go_to(runs[2].id)
        await pilot.press("slash", *"seed<1", "enter")
        await settle(pilot)
        assert app.session.selected == runs[0]
        await pilot.press("escape", "D", "d")
        await settle(pilot, 0.2)
        rows = app.screen.query_one(RunList)
        assert rows.row_count() == 3 and rows.run.id in {runs[1].id, runs[2].id}
        assert app.session.selected.id == rows.run.id


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
    app.session.selected = run
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


# --- nothing found, a line to type ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_filter_without_a_match_says_so_and_escape_takes_it_away(
    workbench, make_run, settle, screen_text, size
):
    make_run()
    make_run()
    async with workbench("results").run_test(size=size) as pilot:
        await pilot.press("slash", *"zzz", "enter")
        await settle(pilot)
        assert "no run matches the filter: / changes it, esc shows all 2 runs" in screen_text(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(pilot.app.screen, Confirm) and "no run matches" not in screen_text(pilot.app)
        assert pilot.app.screen.query_one(RunList).row_count() == 3
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Confirm), "the next one leaves"


async def test_a_list_to_pick_from_says_when_nothing_matches(workbench, make_run, settle, screen_text):
    make_run()
    async with workbench("results").run_test() as pilot:
        await pilot.press("s", "slash", *"zzz")
        await settle(pilot)
        assert "nothing here holds 'zzz'" in screen_text(pilot.app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_whoever_types_a_line_sees_which_keys_end_it(workbench, make_run, settle, screen_text, size):
    make_run()
    async with workbench("results").run_test(size=size) as pilot:
        for key in ("t", "e"):
            await pilot.press(key)
            await settle(pilot)
            assert "enter ok   esc cancel" in screen_text(pilot.app)
            await pilot.press("escape")
        await pilot.press("slash")
        await settle(pilot)
        assert screen_text(pilot.app).splitlines()[-1].strip() == "enter ok  esc cancel"
        await pilot.press("escape")
        await settle(pilot)
        assert "enter open" in screen_text(pilot.app).splitlines()[-1]
