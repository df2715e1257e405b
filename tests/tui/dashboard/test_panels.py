"""The values that the panes draw."""

import time

import pytest

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Step
from engine.contract.run.status import Status
from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tui.dashboard import panels


def test_a_run_stopped_within_an_epoch_shows_how_far_it_came(root):
    run = write_run(root, Demo(epochs_done=3, step=0))
    with EventWriter(run.events) as events:
        events.write(Step(4, 195, 1.0, 0.1, 100.0))
    progress = panels.progress(view_of(run), Status("stopped"), time.time())
    assert (progress.epoch, progress.done, progress.step) == (4, pytest.approx(3.5), 195)


def test_the_rate_is_not_computed_from_the_users_own_code(root, monkeypatch):
    view = view_of(write_run(root, Demo(epochs_done=1)))
    rates = panels.planned_rates(view)
    assert rates[0] == pytest.approx(0.005) and rates[-1] == pytest.approx(0.0, abs=1e-4)
    foreign = view.recipe.model_copy(update={"schedule": view.recipe.schedule.model_copy(update={"name": "mine"})})
    monkeypatch.setitem(view.__dict__, "recipe", foreign)
    assert panels.planned_rates(view) == []
