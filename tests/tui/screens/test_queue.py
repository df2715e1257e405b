"""Queue: tickets in order, with their place, and the way out of the line."""

import time
from dataclasses import replace

import pytest

from engine.launch import control
from engine.launch.queue import Ticket
from tui.screens import queue
from tui.screens.confirm import Confirm
from tui.widgets.tickets import Tickets


def ticket(run, number, held=(), place=0, supervised=True) -> Ticket:
    return Ticket(number, run.id, str(run.path), ("cpu",), 1, time.time() - 90, tuple(held), place, supervised)


@pytest.fixture
def three(make_run, monkeypatch):
    runs = [make_run(state="starting", seed=seed) for seed in range(3)]
    found = [ticket(runs[0], 1, held=["cpu"]), ticket(runs[1], 2, place=1), ticket(runs[2], 3, place=2)]
    monkeypatch.setattr(queue, "inspect", lambda: (found, ""))
    return runs


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_shows_who_holds_the_device_and_who_waits_in_order(workbench, three, screen_text, settle, size):
    async with workbench("queue").run_test(size=size) as pilot:
        await settle(pilot)
        seen = screen_text(pilot.app)
        places = [seen.index(f"{sign}  {run.id[-4:]}") for sign, run in zip(("●", "#1", "#2"), three, strict=True)]
        assert places == sorted(places)
        assert "on a device 1" in seen and "waiting 2" in seen
        assert "quickstart" in seen


async def test_a_queue_that_is_blocked_says_by_whom(workbench, three, screen_text, settle, monkeypatch):
    _, found = three, queue.inspect()[0]
    monkeypatch.setattr(queue, "inspect", lambda: (found, "mutex is locked by process 7 (sh), which is stopped"))
    async with workbench("queue").run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "locked by process 7 (sh), which is stopped" in screen_text(pilot.app)


async def test_x_takes_a_waiting_run_out_after_asking(workbench, three, settle, monkeypatch):
    done = []
    monkeypatch.setattr(control, "cancel", done.append)
    app = workbench("queue")
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("j", "X")
        await pilot.pause()
        assert isinstance(app.screen, Confirm) and done == []
        await pilot.press("r")
        await settle(pilot)
        assert done == [three[1]]


async def test_a_run_on_its_device_is_stopped_not_cancelled(workbench, three, settle, monkeypatch):
    done = []
    monkeypatch.setattr(control, "stop", done.append)
    app = workbench("queue")
    async with app.run_test(notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("X")
        await pilot.pause()
        assert not isinstance(app.screen, Confirm)
        assert any("press S to stop it" in notice.message for notice in app._notifications)
        await pilot.press("S", "s")
        await settle(pilot)
        assert done == [three[0]]


async def test_enter_opens_the_run(workbench, three, settle):
    app = workbench("queue")
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "enter")
        await settle(pilot)
        assert app.current_mode == "dashboard"
        assert app.workspace.selected == three[2]


async def test_an_empty_queue_says_what_to_do(workbench, make_run, screen_text, settle):
    make_run()
    async with workbench("queue").run_test() as pilot:
        await settle(pilot)
        assert "The queue is empty" in screen_text(pilot.app)
        await pilot.press("enter", "X", "S")  # nothing to act on
        await settle(pilot)
        assert pilot.app.current_mode == "queue"


async def test_the_cursor_never_stands_on_a_heading(workbench, three, settle):
    async with workbench("queue").run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        tickets = pilot.app.screen.query_one(Tickets)
        assert [tickets.can_stand(row) for row in range(5)] == [False, True, False, True, True]
        assert tickets.ticket.run == three[0].id


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_list_is_filtered_and_all_of_it_marked(workbench, three, screen_text, settle, size):
    app = workbench("queue")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"seed=1")
        await settle(pilot)
        seen = screen_text(app)
        assert "1 of 3 runs" in seen and three[1].id[-4:] in seen and three[2].id[-4:] not in seen
        await pilot.press("enter", "asterisk")
        await settle(pilot)
        assert app.workspace.marked == [three[1]]
        await pilot.press("asterisk", "q")
        await settle(pilot)
        assert app.workspace.marked == [] and "3 of 3 runs" in screen_text(app)
        await pilot.press("slash", *"acc>much")
        await settle(pilot)
        assert "3 of 3 runs" in screen_text(app), "a filter that cannot be read leaves nothing out"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_run_under_the_cursor_is_told_in_full_and_what_has_ended_stands_below(
    workbench, three, make_run, screen_text, settle, monkeypatch, size
):
    app = workbench("queue")
    done = replace(app.workspace.summaries()[0], status="finished", ended=time.time() - 60, folder="/nowhere/done")
    rows = [*app.workspace.summaries(), replace(done, id="20261122-101530-done", last_accuracy=0.9626)]
    monkeypatch.setattr(app.workspace, "summaries", lambda: rows)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert f"━ {three[0].id} ─" in screen_text(app) and "Has held cpu for" in screen_text(app)
        await pilot.press("j")
        await settle(pilot)
        seen = screen_text(app)
        assert f"━ {three[1].id} ─" in seen and "Has waited" in seen
        assert ("ended within a day 1" in seen and "96.26" in seen) == (size[1] >= 36)
        await pilot.press("slash", *"seed=7")
        await settle(pilot)
        assert "Has waited" not in screen_text(app) and "ended within" not in screen_text(app)


async def test_runs_in_a_scheduler_are_counted_apart(workbench, three, screen_text, settle, monkeypatch):
    found = [*queue.inspect()[0], ticket(three[2], 0)]
    monkeypatch.setattr(queue, "inspect", lambda: (found, ""))
    async with workbench("queue").run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "1 on a device, 2 waiting, 1 waiting in a scheduler. Each run waits" in screen_text(pilot.app)


async def test_what_stands_below_the_list_does_not_move_with_the_cursor(workbench, three, settle, monkeypatch):
    app = workbench("queue")
    first, *others = app.workspace.summaries()
    rows = [replace(first, note="waiting for 12 GB of free GPU memory; " * 4), *others]
    monkeypatch.setattr(app.workspace, "summaries", lambda: rows)
    async with app.run_test(size=(80, 40)) as pilot:
        await settle(pilot)
        heights = set()
        for key in ("j", "j", "k"):
            heights.add(app.screen.query_one("#details").size.height)
            await pilot.press(key)
            await settle(pilot)
        assert len(heights) == 1 and heights.pop() > 4
