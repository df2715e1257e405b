"""What the dashboard shows, computed from a run: the division of the screen, the numbers, the plots."""

import itertools
import math
import time
from dataclasses import replace

import pytest

from engine.contract.run.events import EventWriter, Resumed, RunStarted, Step, System
from engine.contract.run.status import Status
from engine.contract.run.store import RunFolder
from presets.loader import Edits
from tests.tui.demo import CLASSES, Demo, write_run
from tui.dashboard import panels
from tui.dashboard.curves import accuracy_curves, aligned, epoch_places, loss_curves, lower_curves
from tui.dashboard.devices import busy_lately
from tui.dashboard.layout import plan
from tui.dashboard.log import story
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView


def view_of(run: RunFolder) -> RunView:
    view = RunView(run)
    view.poll()
    return view


# --- dividing the screen --------------------------------------------------------------------------------------


def test_at_80x24_every_pane_has_its_place_as_in_the_design():
    chosen = plan(80, 24, 10)
    assert (chosen.left, chosen.right) == (50, 29)
    assert (chosen.accuracy, chosen.loss, chosen.log) == (10, 7, 3)
    assert (chosen.per_class, chosen.gpu, chosen.rate, chosen.below) == (11, 6, 0, 0)


def test_at_120x40_rate_health_and_other_runs_come_in():
    chosen = plan(120, 40, 10)
    assert (chosen.left, chosen.right) == (60, 59)
    assert chosen.per_class == 12 and chosen.rate >= 6 and chosen.gpu >= 7 and chosen.below == 2


def test_the_panes_always_fill_the_screen_exactly():
    for width, height, classes in itertools.product(range(60, 220, 7), range(18, 70, 3), (0, 2, 10, 100)):
        chosen = plan(width, height, classes)
        assert chosen.left + 1 + chosen.right == width
        assert 1 + 2 + chosen.body + chosen.log + chosen.below + 1 == height
        assert chosen.per_class + chosen.rate + chosen.gpu == chosen.body
        assert chosen.accuracy >= 5 and chosen.loss >= 4 and chosen.gpu >= 3, "these never go"


def test_the_log_goes_before_anything_else():
    assert plan(80, 23, 10).log == 2
    assert plan(80, 20, 10).log == 0 and plan(80, 20, 10).gpu >= 3


# --- reading a run --------------------------------------------------------------------------------------------


def test_a_view_knows_where_the_run_is(root):
    view = view_of(write_run(root, Demo(epochs_done=20, step=195, seconds=10.0)))
    assert view.done_epochs == 20 and view.progress_epochs == pytest.approx(20.5)
    assert view.seconds_per_epoch == pytest.approx(10.0)
    assert view.seconds_left == pytest.approx(479.5 * 10.0)
    assert view.train_mixed and view.classes == CLASSES
    assert view.images_per_second == pytest.approx(5214, rel=0.1)
    assert view.accuracy_at(7)[0] == 7 and math.isnan(view.accuracy_at(0)[1])
    assert view.status().state == "running"


@pytest.mark.parametrize(("op", "mixed"), [("choice:of=[ricap,horizontal_flip]", True), ("cutout", False)])
def test_before_the_first_epoch_the_recipe_says_whether_images_are_mixed(root, op, mixed):
    edits = Edits(augmentation="none", add_ops=(op,))
    assert view_of(write_run(root, Demo(preset="quickstart", epochs_done=0, edits=edits))).train_mixed is mixed


def test_the_end_of_a_run_is_known_before_all_of_it_is_read(root):
    run = write_run(root, Demo(epochs_done=500, state="finished"))
    tail = RunView(run, tail=True)
    assert tail.history.partial
    whole = view_of(run)
    assert tail.last_accuracy == whole.last_accuracy and tail.done_epochs == 500
    assert tail.steps_per_epoch == 390


def test_a_run_that_was_stopped_within_an_epoch_says_which_and_how_far(root):
    run = write_run(root, Demo(epochs_done=3, step=0))
    with EventWriter(run.events) as events:
        events.write(Step(4, 195, 1.0, 0.1, 100.0))
    progress = panels.progress(view_of(run), Status("stopped"), time.time())
    assert (progress.epoch, progress.done, progress.step) == (4, pytest.approx(3.5), 195)


def test_a_resume_drops_what_came_after_its_checkpoint(root):
    run = write_run(root, Demo(epochs_done=12, step=100))
    with EventWriter(run.events) as events:
        events.write(RunStarted(attempt=2, epochs=500, steps_per_epoch=390, batch_size=128, classes=CLASSES))
        events.write(Resumed(epoch=10, step=0, exact=True))
    view = view_of(run)
    assert view.done_epochs == 10 and view.step is None
    assert any("resumed after epoch 10" in line.text for line in story(view.history))


def test_classes_are_compared_with_the_epoch_before_and_with_the_baseline_at_the_same_epoch(root):
    view = view_of(write_run(root, Demo(epochs_done=5)))
    base = view_of(write_run(root, Demo(epochs_done=9, seed=1, shift=0.01)))
    rows = view.class_rows(base)
    last, before = view.history.epochs[-1], view.history.epochs[-2]
    assert rows[3].name == "cat"
    assert rows[3].change == pytest.approx(last.per_class[3] - before.per_class[3])
    assert rows[3].against == pytest.approx(last.per_class[3] - base.history.epochs[4].per_class[3])
    assert math.isnan(view.class_rows(view)[0].against), "a run is not compared with itself"


def test_minutes_of_work_do_not_count_the_pause_between_attempts(root):
    view = view_of(write_run(root, Demo(epochs_done=6, seconds=30.0)))
    assert epoch_places(view, Options(x="time")).tolist() == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert epoch_places(view, Options(x="step")).tolist() == [390 * i for i in range(1, 7)]


def test_the_use_of_the_last_ten_minutes_is_averaged_by_parts(root):
    run = write_run(root, Demo(epochs_done=0, step=0))
    now = time.time() + 1000
    with EventWriter(run.events) as events:
        for ago, use in ((590, 0.2), (580, 0.4), (10, 1.0), (0, 0.5)):
            events.write(System([{"index": 0, "utilization": use}], t=now - ago))
    view = view_of(run)
    parts = busy_lately(view.history, 4)
    assert parts[0] == pytest.approx(0.3) and parts[3] == pytest.approx(0.75)
    assert math.isnan(parts[1]) and math.isnan(parts[2])


def test_the_story_tells_a_failure_with_its_traceback_in_the_whole_log_only(root):
    view = view_of(write_run(root, Demo(epochs_done=3, state="failed")))
    whole, newest = story(view.history), story(view.history, 3)
    assert "GPU memory: needed 2.1 GB more" in whole[-1].text == newest[-1].text
    assert any("torch.OutOfMemoryError" in line.text for line in whole)
    assert not any("Traceback" in line.text for line in newest) and len(newest) == 3


def test_the_health_line_measures_against_the_spread_of_the_seeds(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    seeds = [view_of(write_run(root, Demo(epochs_done=12, seed=seed))) for seed in (1, 2, 3)]
    text = "".join(t for t, _ in panels.health(view, seeds[0], [seed.standing() for seed in seeds], 120))
    at_9 = [seed.accuracy_at(9)[1] for seed in seeds]
    mean = sum(at_9) / 3
    sd = 100 * math.sqrt(sum((value - mean) ** 2 for value in at_9) / 2)
    assert f"{100 * (view.last_accuracy - at_9[0]):+.2f} to baseline at epoch 9 (seed sd {sd:.2f}, n=3)" in text
    assert "NaN 0" in text


# --- what the plots hold --------------------------------------------------------------------------------------


def test_the_accuracy_plot_draws_the_run_over_what_it_is_measured_against(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    plot = accuracy_curves(view, base, Options(), Frame(50, 9))
    assert [one.label for one in plot.series] == [base.short_id, "reported", "test"]
    assert plot.series[-1].value == (f"{100 * view.last_accuracy:.2f}",)
    assert plot.x.high == 10 and plot.y.scale == "log error"
    assert f"last {100 * view.last_accuracy:.2f} · best-on-test {100 * view.best_accuracy:.2f}" in plot.rights
    assert accuracy_curves(view, base, Options(axis="linear"), Frame(50, 9)).y.scale == "linear"


@pytest.mark.parametrize(
    ("demo", "labels"),
    [
        (Demo(epochs_done=9), ["reported", "test"]),
        (Demo(epochs_done=9, changes="lr .005→.01"), ["test"]),
        (Demo(epochs_done=9, preset="run:k3f9"), ["test"]),  # that run may have changed what its preset says
    ],
)
def test_what_a_preset_reaches_is_only_drawn_for_its_own_recipe(root, demo, labels):
    view = view_of(write_run(root, replace(demo, preset="resnet34_cutmix")))
    view.info = replace(view.info, preset=demo.preset)
    assert view.recipe.promise is not None
    assert [one.label for one in accuracy_curves(view, None, Options(), Frame(50, 9)).series] == labels


@pytest.mark.parametrize("other", ["data", "test slice"])
def test_a_baseline_that_was_tested_on_other_images_is_not_drawn_and_that_is_said(root, other):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    base = view_of(write_run(root, Demo(epochs_done=12, seed=1)))
    assert not math.isnan(view.class_rows(base)[0].against)
    if other == "data":
        base.info = replace(base.info, data="cifar100")
    else:
        base.history.course.started = replace(base.history.started, test_images=5000)
    assert [one.label for one in accuracy_curves(view, base, Options(), Frame(50, 9)).series] == ["reported", "test"]
    assert all(math.isnan(row.against) for row in view.class_rows(base))
    text = "".join(t for t, _ in panels.health(view, base, [base.standing()], 120))
    assert f"baseline {base.short_id} was tested on other images" in text and "to baseline" not in text


def test_two_finished_runs_are_measured_at_their_ends(root):
    view = view_of(write_run(root, Demo(epochs_done=500, state="finished")))
    short = Demo(epochs_done=30, state="finished", seed=1, edits=Edits(sets=("epochs=30",)))
    base = view_of(write_run(root, short))
    ends = 100 * (view.last_accuracy - base.last_accuracy)
    assert view.last_accuracy != view.accuracy_at(30)[1]
    text = "".join(t for t, _ in panels.health(view, base, [base.standing()], 160))
    assert f"{ends:+.2f} to baseline at their ends, epochs 500 and 30" in text
    plot = accuracy_curves(view, base, Options(), Frame(100, 12))
    assert plot.series[0].value[1:] == ("@ end", f"{100 * base.last_accuracy:.2f}", f"Δ {ends:+.2f}")


def test_mixed_training_is_starred_and_its_accuracy_stays_out_of_the_plot(root):
    view = view_of(write_run(root, Demo(epochs_done=3)))
    assert "train" not in [one.label for one in accuracy_curves(view, None, Options(), Frame(50, 9)).series]
    assert [one.label for one in loss_curves(view, Options(), Frame(50, 6)).series] == ["train*", "test"]
    assert panels.footnote(view) == "* on mixed images"


def test_before_the_first_epoch_the_loss_is_plotted_by_step(root):
    view = view_of(write_run(root, Demo(epochs_done=0, step=120)))
    plot = loss_curves(view, Options(), Frame(50, 6))
    assert plot.series[0].label == "train*" and list(plot.series[0].x)[:2] == [5, 10]
    assert plot.x.high == 200 and plot.empty == "" and plot.title == "loss by step"


def test_both_plots_leave_the_same_room_for_their_y_labels(root):
    view = view_of(write_run(root, Demo(epochs_done=9)))
    upper, lower = aligned(
        accuracy_curves(view, None, Options(), Frame(60, 13)),
        lower_curves(view, Options(metric="images/s"), Frame(60, 13)),
    )
    assert upper.look.tick_width == lower.look.tick_width == 4


def test_the_rate_is_not_computed_from_a_persons_own_code(root, monkeypatch):
    view = view_of(write_run(root, Demo(epochs_done=1)))
    rates = panels.planned_rates(view)
    assert rates[0] == pytest.approx(0.005) and rates[-1] == pytest.approx(0.0, abs=1e-4)
    foreign = view.recipe.model_copy(update={"schedule": view.recipe.schedule.model_copy(update={"name": "mine"})})
    monkeypatch.setitem(view.__dict__, "recipe", foreign)
    assert panels.planned_rates(view) == []
