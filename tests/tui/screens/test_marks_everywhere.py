"""A marked run has one color and one mark on every screen, and keeps them while others are marked and unmarked."""

import time

import pytest

from engine.launch.queue import Ticket
from tests.tui.demo import Demo, write_run
from tui.drawing.marks import LAST
from tui.drawing.palette import DARK
from tui.screens import queue

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])


@pytest.fixture
def runs(root):
    return [write_run(root, Demo(epochs_done=20, state="finished", seed=seed, name="")) for seed in range(3)]


def marks_on(app):
    """The marks of slots on the screen with the colors in which they are drawn."""
    found = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            color = segment.style.color.number if segment.style and segment.style.color else None
            found |= {(letter, color) for letter in segment.text if letter in LAST}
    return found


def mark_in_slot(slot):
    return LAST[slot], DARK.runs[slot]


@SIZES
async def test_a_marked_run_looks_the_same_on_every_screen(runs, workbench, settle, monkeypatch, size):
    tickets = [Ticket(i, run.id, str(run.path), ("cpu",), 1, time.time(), (), i, True) for i, run in enumerate(runs, 1)]
    monkeypatch.setattr(queue, "inspect", lambda: (tickets, ""))
    app = workbench("results")
    workspace = app.workspace
    workspace.marked = runs
    workspace.toggle_mark(runs[0])
    assert [workspace.slot(run) for run in runs] == [None, 1, 2]
    workspace.selected = runs[2]
    async with app.run_test(size=size) as pilot:
        for key, slots in (("2", {1, 2}), ("3", {1, 2}), ("5", {1, 2}), ("1", {2})):
            await pilot.press(key)
            await settle(pilot, 0.2)
            assert {mark_in_slot(slot) for slot in slots} <= marks_on(app), app.current_mode


async def test_a_color_stays_when_an_earlier_run_leaves_the_comparison(runs, workbench, settle):
    app = workbench("compare")
    app.workspace.marked = runs
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot, 0.2)
        assert {mark_in_slot(slot) for slot in range(3)} <= marks_on(app)
        await pilot.press("space")
        await settle(pilot, 0.2)
        seen = marks_on(app)
        assert {mark_in_slot(1), mark_in_slot(2)} <= seen and mark_in_slot(0) not in seen
