"""The curves of the Dashboard: which series, on which axes."""

import math
from dataclasses import replace

import pytest

from presets.loader import Edits
from tests.tui.dashboard.reading import view_of, write_tested_once
from tests.tui.demo import Demo, write_run
from tests.tui.reading import line_of
from tui.dashboard import panels
from tui.dashboard.classes import class_rows
from tui.dashboard.curves import accuracy_curves, aligned, loss_curves, lower_curves
from tui.dashboard.health import health_line, health_table
from tui.dashboard.log import log_lines
from tui.dashboard.options import Frame, Options
from tui.dashboard.positions import epoch_positions


def test_minutes_of_work_do_not_count_the_pause_between_attempts(root):
    view = view_of(write_run(root, Demo(epochs_done=6, seconds=30.0)))
    assert epoch_positions(view, Options(x="time")).tolist() == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert epoch_positions(view, Options(x="step")).tolist() == [390 * i for i in range(1, 7)]


def test_the_accuracy_plot_draws_the_run_over_what_it_is_measured_against(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    plot = accuracy_curves(view, base, Options(), Frame(50, 9))
    assert [one.label for one in plot.series] == ["reported", base.short_id, "test"]
    difference = 100 * (view.last_accuracy - base.accuracy_at(9)[1])
    assert plot.series[-1].value == (f"{100 * view.last_accuracy:.2f}", f"Δ {difference:+.2f}")
    assert plot.x.high == 10 and plot.y.scale == "linear", "an accuracy below 50"
    best = f"best-on-test {100 * view.best_accuracy:.2f} @ {view.best_epoch}"
    assert line_of(plot.rights[0]) == f"last {100 * view.last_accuracy:.2f} · {best}"
    assert accuracy_curves(view, base, Options(axis="linear"), Frame(50, 9)).y.scale == "linear"


@pytest.mark.parametrize(
    ("demo", "labels"),
    [
        (Demo(epochs_done=9), ["reported", "test"]),
        (Demo(epochs_done=9, changes="lr .005→.01"), ["test"]),
        (Demo(epochs_done=9, preset="run:k3f9"), ["test"]),  # that run may have changed what its preset says
    ],
)
def test_the_promise_of_a_preset_is_only_drawn_for_its_own_recipe(root, demo, labels):
    view = view_of(write_run(root, replace(demo, preset="resnet34_cutmix")))
    view.info = replace(view.info, preset=demo.preset)
    assert view.recipe.promise is not None
    assert [one.label for one in accuracy_curves(view, None, Options(), Frame(50, 9)).series] == labels


@pytest.mark.parametrize("other", ["data", "test slice"])
def test_a_baseline_tested_on_other_images_is_not_drawn_and_the_health_line_explains_it(root, other):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    assert not math.isnan(class_rows(view, base)[0].against)
    if other == "data":
        base.info = replace(base.info, data="cifar100")
    else:
        base.history.course.started = replace(base.history.started, test_images=5000)
    assert [one.label for one in accuracy_curves(view, base, Options(), Frame(50, 9)).series] == ["reported", "test"]
    assert all(math.isnan(row.against) for row in class_rows(view, base))
    text = "".join(t for t, _ in health_line(health_table(view, base, [base.standing()]), 120))
    assert f"baseline {base.short_id} was tested on other images" in text and "to baseline" not in text


def test_two_finished_runs_are_compared_at_their_last_epochs(root):
    view = view_of(write_run(root, Demo(epochs_done=500, state="finished")))
    short = Demo(epochs_done=30, state="finished", seed=1, edits=Edits(sets=("epochs=30",)))
    base = view_of(write_run(root, short))
    ends = 100 * (view.last_accuracy - base.last_accuracy)
    assert view.last_accuracy != view.accuracy_at(30)[1]
    text = "".join(t for t, _ in health_line(health_table(view, base, [base.standing()]), 160))
    assert f"{ends:+.2f} to baseline at their last epochs, 500 and 30" in text
    plot = accuracy_curves(view, base, Options(), Frame(100, 12))
    assert plot.series[1].value == (f"{100 * base.last_accuracy:.2f} @ end",)
    assert plot.series[-1].value[1] == f"Δ {ends:+.2f}"


def test_train_figures_on_mixed_images_have_a_star_and_no_accuracy_curve(root):
    view = view_of(write_run(root, Demo(epochs_done=3)))
    assert "train" not in [one.label for one in accuracy_curves(view, None, Options(), Frame(50, 9)).series]
    assert [one.label for one in loss_curves(view, Options(), Frame(50, 6)).series] == ["train*", "test"]
    assert panels.footnotes(view) == "* best epoch picked on test; train on mixed images"


def test_before_the_first_epoch_the_loss_is_plotted_by_step(root):
    view = view_of(write_run(root, Demo(epochs_done=0, step=120)))
    plot = loss_curves(view, Options(), Frame(50, 6))
    assert plot.series[0].label == "train*" and list(plot.series[0].x)[:2] == [5, 10]
    assert plot.x.high == 200 and plot.empty == "" and plot.title == "loss by step"


def test_both_plots_leave_the_same_room_for_their_y_labels(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    frames = Frame(60, 13), Frame(60, 13)
    upper, lower = aligned(
        accuracy_curves(view, None, Options(), frames[0]),
        lower_curves(view, Options(metric="images/s"), frames[1]),
        frames,
    )
    assert upper.tick_width == lower.tick_width == 4


def test_a_run_tested_only_at_its_end_says_so_until_then(root):
    view = view_of(write_tested_once(root, tested=False))
    plot = accuracy_curves(view, None, Options(), Frame(50, 9))
    assert (plot.empty, plot.rights) == ("tested at the end, after epoch 10", ())
    assert (view.no_test, view.best_epoch, view.best_on) == ("tested at the end", 0, "")
    queued = view_of(write_run(root, Demo(phase="queued", edits=Edits(sets=("evaluate.every=0", "epochs=10")))))
    assert queued.history.started is None and queued.no_test == "tested at the end"


def test_a_run_tested_only_at_its_end_has_one_accuracy_and_no_best_one(root):
    view = view_of(write_tested_once(root, tested=True))
    plot = accuracy_curves(view, None, Options(), Frame(50, 9))
    assert [line_of(right) for right in plot.rights] == ["last 90.00 · tested at the end", "last 90.00", "last 90.00"]
    assert plot.empty == "" and plot.series[-1].value == ("90.00",)
    assert log_lines(view.history)[-1].text.startswith("finished: last 90.00 %, ")
    assert "best" not in log_lines(view.history)[-1].text


def test_the_first_test_is_announced_for_the_epoch_that_it_comes_after(root):
    for every, epoch in ((1, 1), (4, 4), (40, 10)):
        edits = Edits(sets=(f"evaluate.every={every}", "epochs=10"))
        view = view_of(write_run(root, Demo(epochs_done=0, step=9, changes="epochs 10", edits=edits)))
        assert (view.no_test, view.first_test) == ("no test yet", epoch)
        empty = accuracy_curves(view, None, Options(), Frame(50, 9)).empty
        assert empty == f"no test yet: the first comes after epoch {epoch}"
