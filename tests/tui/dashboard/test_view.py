"""A run as the Dashboard reads it: progress, speed, classes, tail and resume."""

import math

import numpy as np
import pytest

from engine.contract.run.event_file import EventWriter, encode
from engine.contract.run.events import Epoch, Resumed, RunStarted, Step
from presets.loader import Edits
from tests.tui.dashboard.reading import view_of
from tests.tui.demo import CLASSES, Demo, write_run
from tui.dashboard import panels
from tui.dashboard.classes import class_names
from tui.dashboard.log import log_lines
from tui.dashboard.view import FIGURES, RunView


def test_a_view_knows_where_the_run_is(root):
    view = view_of(write_run(root, Demo(epochs_done=20, step=195, seconds=10.0)))
    assert view.done_epochs == 20 and view.progress_epochs == pytest.approx(20.5)
    assert view.seconds_per_epoch == pytest.approx(10.0)
    assert view.seconds_left == pytest.approx(479.5 * 10.0)
    assert view.train_mixed and class_names(view.history) == CLASSES
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


def test_a_resume_drops_what_came_after_its_checkpoint(root):
    run = write_run(root, Demo(epochs_done=12, step=100))
    with EventWriter(run.events) as events:
        events.write(RunStarted(attempt=2, epochs=500, steps_per_epoch=390, batch_size=128, classes=CLASSES))
        events.write(Resumed(epoch=10, step=0, exact=True))
    view = view_of(run)
    assert view.done_epochs == 10 and view.step is None
    assert any("resumed after epoch 10" in line.text for line in log_lines(view.history))


def test_a_view_keeps_the_loss_of_every_step_and_the_other_figures_of_the_newest_ones(root):
    run = write_run(root, Demo(epochs_done=0))
    steps = [Step(epoch=2, step=i, loss=0.5, lr=0.1, images_per_second=50.0) for i in range(4 * FIGURES)]
    run.events.write_text("".join(encode(step) + "\n" for step in steps))
    view = view_of(run)
    assert view.step == steps[-1] and view.learning_rate == 0.1 and view.images_per_second == 50.0
    assert (view.history.step("loss") == 0.5).all() and len(view.history.step("loss")) == len(steps)
    for name in ("t", "lr", "images_per_second"):
        known = np.isfinite(view.history.step(name))
        assert FIGURES <= known.sum() < 2 * FIGURES and known[-FIGURES:].all()


def test_a_run_with_a_short_last_epoch_counts_it_as_one_and_expects_its_steps(root):
    run = write_run(root, Demo(phase="queued", edits=Edits(sets=("epochs=2.5",))))
    with EventWriter(run.events) as events:
        events.write(RunStarted(epochs=3, steps_per_epoch=10, batch_size=100))
        for epoch in (1, 2):
            events.write(Epoch(epoch, seconds={"train": 10.0}))
        events.write(Step(3, 1, 1.0, 0.1, 100.0))
    view = view_of(run)
    assert (view.planned_epochs, view.length) == (3, 2.5)
    assert [view.steps_in(epoch) for epoch in (1, 2, 3)] == [10, 10, 5]
    assert view.progress_epochs == 2.1 and view.seconds_left == pytest.approx(4.0)
    assert panels.progress(view, view.status(), 0.0).steps == 5
