"""The values that the panes draw."""

import math
import time

import pytest

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Step
from engine.contract.run.status import Status
from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tests.tui.reading import fits, line_of, text_of
from tui.dashboard import panels


def test_a_run_stopped_within_an_epoch_shows_how_far_it_came(root):
    run = write_run(root, Demo(epochs_done=3, step=0))
    with EventWriter(run.events) as events:
        events.write(Step(4, 195, 1.0, 0.1, 100.0))
    progress = panels.progress(view_of(run), Status("stopped"), time.time())
    assert (progress.epoch, progress.done, progress.step) == (4, pytest.approx(3.5), 195)


def test_the_health_line_measures_against_the_spread_of_the_seeds(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    seeds = [view_of(write_run(root, Demo(epochs_done=12, seed=seed))) for seed in (1, 2, 3)]
    text = "".join(t for t, _ in panels.health(view, seeds[0], [seed.standing() for seed in seeds], 120))
    at_9 = [seed.accuracy_at(9)[1] for seed in seeds]
    mean = sum(at_9) / 3
    sd = 100 * math.sqrt(sum((value - mean) ** 2 for value in at_9) / 2)
    assert f"{100 * (view.last_accuracy - at_9[0]):+.2f} to baseline at epoch 9 (seed sd {sd:.2f}, n=3)" in text
    assert "NaN 0" in text


def test_the_rate_is_not_computed_from_the_users_own_code(root, monkeypatch):
    view = view_of(write_run(root, Demo(epochs_done=1)))
    rates = panels.planned_rates(view)
    assert rates[0] == pytest.approx(0.005) and rates[-1] == pytest.approx(0.0, abs=1e-4)
    foreign = view.recipe.model_copy(update={"schedule": view.recipe.schedule.model_copy(update={"name": "mine"})})
    monkeypatch.setitem(view.__dict__, "recipe", foreign)
    assert panels.planned_rates(view) == []


def test_the_health_pane_says_why_there_is_no_difference(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    unread = view_of(write_run(root, Demo(phase="queued")))

    def said(base):
        return line_of(panels.health_pane(view, base, [], 52)[2])

    assert said(None) == "no baseline: b makes this run the baseline"
    assert said(view) == "this run is the baseline"
    assert said(unread) == f"no test at an epoch of baseline {unread.short_id} yet"


def test_the_health_pane_fits_any_width(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    for width in (30, 43, 55, 80):
        assert fits(panels.health_pane(view, base, [base.standing()], width), width, 3)
    assert "at epoch 9" in text_of(panels.health_pane(view, base, [base.standing()], 55))
    assert line_of(panels.health_pane(view, base, [base.standing()], 35)[2]).endswith(" to baseline (one seed)")
