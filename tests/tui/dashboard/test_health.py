"""Signs of healthy training: the table, its line and its pane."""

import math

from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tests.tui.reading import fits, line_of, text_of
from tui.dashboard.health import health_line, health_pane, health_table


def test_the_health_line_measures_against_the_spread_of_the_seeds(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    seeds = [view_of(write_run(root, Demo(epochs_done=12, seed=seed))) for seed in (1, 2, 3)]
    text = "".join(t for t, _ in health_line(health_table(view, seeds[0], [seed.standing() for seed in seeds]), 120))
    at_9 = [seed.accuracy_at(9)[1] for seed in seeds]
    mean = sum(at_9) / 3
    sd = 100 * math.sqrt(sum((value - mean) ** 2 for value in at_9) / 2)
    assert f"{100 * (view.last_accuracy - at_9[0]):+.2f} to baseline at epoch 9 (seed sd {sd:.2f}, n=3)" in text
    assert "NaN 0" in text


def test_the_health_pane_says_why_there_is_no_difference(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    unread = view_of(write_run(root, Demo(phase="queued")))

    def said(base):
        return line_of(health_pane(health_table(view, base), 52)[2])

    assert said(None) == "no baseline: b makes this run the baseline"
    assert said(view) == "this run is the baseline"
    assert said(unread) == f"no test at an epoch of baseline {unread.short_id} yet"


def test_the_health_pane_fits_any_width(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    table = health_table(view, base, [base.standing()])
    for width in (30, 43, 55, 80):
        assert fits(health_pane(table, width), width, 3)
    assert "at epoch 9" in text_of(health_pane(table, 55))
    assert line_of(health_pane(table, 35)[2]).endswith(" to baseline (one seed)")
