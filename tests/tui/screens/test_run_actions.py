"""What can be done to a run: label, stop, resume, delete and restart it, each after a question."""

import asyncio
import json

import pytest
from textual.widgets import Input

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Placement
from engine.contract.run.process import ExitRecord
from engine.contract.run.store import create, empty, in_trash
from engine.launch import control, local, restart
from presets.references import recipe_of
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.widgets.run_list import RunList


async def test_tags_and_notes_are_written_and_bad_tags_refused(workbench, make_run, settle):
    run = make_run(tags=("old",))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("t")
        await pilot.pause()
        app.screen.query_one(Input).value = "paper a,b"
        await pilot.press("enter")
        await settle(pilot)
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
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert done == []
        await pilot.press(letter)
        await settle(pilot)
        assert done == [run]


async def test_o_leaves_a_run_out_for_a_reason_and_u_lets_it_count_again(workbench, make_run, screen_text, settle):
    run, _ = make_run(), make_run(seed=1)
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        app.screen.query_one(RunList).go_to(run.id)
        await pilot.press("O", *"wrong crop", "enter")
        await settle(pilot)
        assert run.labels().excluded == "wrong crop"
        assert "left out" in screen_text(app) and "1 left out: wrong crop" in screen_text(app)
        await pilot.press("u")
        await settle(pilot)
        assert run.labels().excluded == "" and "1 left out" not in screen_text(app)


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
    root, workbench, finished_run, settle, until, screen_text
):
    runs = {finished_run(root), finished_run(root)}
    before = {path: path.stat().st_ino for path in root.rglob("*") if path.is_file()}
    size, finished = sum(run.size_bytes() for run in runs), next(iter(runs))
    app = workbench("results")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b", "asterisk", "D", "a", "d")  # all marked runs, after another question
        await settle(pilot)
        assert {run.id for run in in_trash(root)} == {run.id for run in runs}
        assert app.workspace.marked == [] and app.workspace.baseline is None
        assert f"0 runs   trash {size / 1e6:.3g} MB" in screen_text(app)
        await pilot.press("u")
        await settle(pilot)
        assert {path: path.stat().st_ino for path in before} == before and in_trash(root) == []
        assert set(app.workspace.marked) == runs and app.workspace.baseline in runs
        assert "trash" not in screen_text(app)
        await until(pilot, lambda: f"files   {finished.size_bytes() / 1e6:.3g} MB in" in screen_text(app))
        await pilot.press("u")
        await settle(pilot)
        assert app.workspace.marked == []


async def test_u_in_a_question_undoes_nothing(root, workbench, finished_run, settle):
    run = finished_run(root)
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("space", "D", "u")
        await settle(pilot)
        assert app.workspace.marked == [run] and isinstance(app.screen, Confirm)


async def test_a_deletion_that_cannot_be_undone_says_why(root, workbench, finished_run, settle):
    run = finished_run(root)
    app = workbench("results")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("D", "d")
        await settle(pilot)
        empty(root)
        await pilot.press("u")
        await settle(pilot)
        assert any("is not in" in notice.message for notice in app._notifications)
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
    monkeypatch.setattr(restart, "resume", lambda run, **_: done.append(run))
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("C", "c")
        await settle(pilot)
        assert done == [run]


async def test_changed_code_of_a_run_is_asked_about_before_it_goes_on(
    workbench, root, settle, until, monkeypatch, tmp_path
):
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
            await pilot.press("C")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("c")
            await until(pilot, lambda: isinstance(app.screen, Confirm) and "has changed since run" in app.screen._body)
            await pilot.press(answer)
            await until(pilot, lambda: not isinstance(app.screen, Confirm))
            await settle(pilot)
        await until(pilot, lambda: started)
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

    monkeypatch.setattr(restart, "resume", resume)
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
        await settle(pilot)
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
