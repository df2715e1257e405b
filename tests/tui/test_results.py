"""Results: the table of all runs, what one can find in it and do from it."""

import json
import statistics
import time
from dataclasses import replace

import pytest
from textual.widgets import Input

from engine.contract.events import REASONS
from engine.contract.store import Summary
from engine.launch import control
from tui.lines import width_of
from tui.run_columns import Columns, Marks, draw_row, header, news, state_in_words, state_of, when_of
from tui.run_rows import SORTS, Row, rows_of
from tui.screens.confirm import Confirm
from tui.screens.prompt import Prompt
from tui.widgets.pane import Pane
from tui.widgets.run_list import RunList

HOSTILE = "\x1b[31m[red]evil[/red]\x07\nsecond line"


def summary(**values) -> Summary:
    base = Summary(
        id="20261122-101530-k3f9", status="finished", preset="resnet34_cutmix", model="resnet34", changes="-", seed=2,
        epoch=500, epochs=500, last_accuracy=0.9626, best_accuracy=0.9651, seconds=5000, started=time.time() - 7200,
        folder="/nowhere/20261122-101530-k3f9",
    )  # fmt: skip
    return replace(base, **values)


def text(line) -> str:
    return "".join(part for part, _ in line)


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


# --- the rows, without a screen -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_every_row_and_the_header_have_the_width_of_the_screen_less_the_scroll_bar(width):
    columns = Columns.for_width(width)
    for run in (
        summary(),
        summary(status="failed", reason="gpu_memory", started=time.time() - 9e6),
        summary(name="n" * 90),
    ):
        assert width_of(draw_row(Row(run), width, columns, Marks(), True, time.time())) == width - 1
    assert width_of(header(columns, "when", False)) == width - 1


def test_live_runs_stand_on_top_whatever_the_order():
    runs = [summary(id="a" * 20, last_accuracy=0.99), summary(id="b" * 20, status="queued", last_accuracy=None)]
    for sort in SORTS:
        for reverse in (False, True):
            rows = rows_of(runs, sort, reverse)
            assert [row.heading for row in rows if row.heading] == ["running and queued 1", "ended 1"]
            assert rows[1].run is runs[1]


@pytest.mark.parametrize("sort", SORTS)
def test_every_column_sorts_both_ways_and_missing_numbers_come_last(sort):
    runs = [
        summary(
            id=f"{i:020d}", last_accuracy=acc, best_accuracy=acc, seed=i, started=float(i), seconds=float(i), epoch=i
        )
        for i, acc in enumerate((0.5, None, 0.9))
    ]
    down = [row.run for row in rows_of(runs, sort)[1:]]
    up = [row.run for row in rows_of(runs, sort, reverse=True)[1:]]
    key = SORTS[sort].of
    assert [key(run) for run in down] == sorted(map(key, runs), reverse=SORTS[sort].falling)
    assert [key(run) for run in up] == sorted(map(key, runs), reverse=not SORTS[sort].falling)
    if sort in ("last", "best"):
        assert getattr(down[-1], f"{sort}_accuracy") is None


def test_runs_of_one_recipe_stand_together_under_their_mean():
    ends = (0.96, 0.97, 0.95)
    runs = [summary(id=f"{i:020d}", recipe_id="a", last_accuracy=end, started=float(i)) for i, end in enumerate(ends)]
    runs.append(summary(id="9" * 20, recipe_id="b", changes="lr .005→.01", last_accuracy=0.9, started=1.5))
    runs.append(
        summary(id="8" * 20, recipe_id="b", changes="lr .005→.01", status="failed", last_accuracy=0.1, started=1.2)
    )
    rows = rows_of(runs, group=True)
    assert [row.heading for row in rows if row.heading] == [
        f"resnet34_cutmix  96.00 ±{100 * statistics.stdev(ends):.2f} (n=3)",
        "resnet34_cutmix lr .005→.01  90.00 (n=1)",
    ]
    assert [row.run.recipe_id for row in rows if row.run] == ["a", "a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("values", "shown", "words"),
    [
        ({"status": "finished"}, "✓", "✓ finished"),
        ({"status": "failed", "reason": "gpu_memory"}, "✗ mem", "✗ GPU memory"),
        ({"status": "failed", "reason": "diverged"}, "✗ nan", "✗ diverged"),
        ({"status": "failed", "reason": "traceback"}, "✗ err", "✗ failed"),
        ({"status": "failed"}, "✗ err", "✗ failed"),
        ({"status": "running"}, "●", "● running"),
        ({"status": "queued"}, "◌", "◌ queued"),
        ({"status": "stopped"}, "■stop", "■ stopped"),
        ({"status": "lost", "reason": "reboot"}, "?boot", "? reboot"),
    ],
)
def test_each_state_has_a_sign_that_reads_without_colour_and_words_where_there_is_room(values, shown, words):
    assert state_of(summary(**values))[0] == shown
    assert state_in_words(summary(**values))[0] == words


@pytest.mark.parametrize("reason", REASONS)
def test_no_reason_is_cut(reason):
    run = summary(status="failed", reason=reason)
    for width in (80, 100):
        columns = Columns.for_width(width)
        assert "…" not in text(draw_row(Row(run), width, columns, Marks(), False, time.time()))[-columns.state :]


def test_a_waiting_run_shows_its_place_and_an_old_one_its_date():
    now = 1_795_300_000.0
    assert when_of(summary(status="queued", place=3), now) == "#3"
    assert when_of(summary(status="running"), now) == "now"
    assert when_of(summary(started=now - 600), now) == "10 min"
    assert when_of(summary(started=now - 5 * 3600), now) == "5 h"
    assert when_of(summary(started=now - 20 * 86400), now).split()[1] in ("Oct", "Nov")
    assert "/" in when_of(summary(started=now - 900 * 86400), now)


def test_text_from_runs_is_one_clean_line():
    run = summary(name=HOSTILE, preset=HOSTILE, changes=HOSTILE, tags=(HOSTILE,), device=HOSTILE)
    drawn = text(draw_row(Row(run), 200, Columns.for_width(200), Marks(), False, time.time()))
    assert "\x1b" not in drawn and "\x07" not in drawn and "\n" not in drawn
    assert "[red]evil" in drawn


def test_the_top_line_counts_what_ended_and_what_goes_on():
    from collections import Counter

    runs = [summary(status="running"), summary(status="queued"), summary()]
    said = text(news(Counter(finished=13, failed=1), 1000.0, 1000.0 + 9 * 3600, runs, 80))
    assert said == " since you left 9 h ago: 13 finished · 1 failed · 1 running · 1 queued"
    assert text(news(Counter(), 0.0, 1000.0, [], 80)).strip() == "nothing runs now"


# --- the screen ---------------------------------------------------------------------------------------------------


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
        await pilot.press("u")
        assert app.session.marked == []


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
            assert (f"Not finished, and still to learn from them: {student.id[-4:]}." in seen) == warned
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
    monkeypatch.setattr(control, "resume", done.append)
    app = workbench("results")
    async with app.run_test() as pilot:
        await pilot.press("C", "c")
        await settle(pilot)
        assert done == [run]


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
        assert app.screen.desk.recipe.recipe_id == run.info().recipe_id
        assert app.screen.desk.draft.seeds() == [7]


async def test_hostile_names_reach_the_screen_as_plain_text(workbench, make_run, screen_text, until):
    make_run(changes="[red]evil[/red] [@click=app.exit]", state="failed", message="[bold]no[/bold]")
    app = workbench("results")
    async with app.run_test(size=(160, 40)) as pilot:
        await until(pilot, lambda: "[bold]no[/bold]" in screen_text(app))
        seen = screen_text(app)
        assert "[red]evil[/red] [@click=app.exit]" in seen
        assert "[bold]no[/bold]" in seen


async def test_a_preview_reads_one_run_and_only_when_the_cursor_rests(workbench, make_run, settle, until, monkeypatch):
    from tui import run_preview

    for _ in range(4):
        make_run()
    read = []
    original = run_preview.Reader.read
    monkeypatch.setattr(run_preview.Reader, "read", lambda self, *run: read.append(run[0].id) or original(self, *run))
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
