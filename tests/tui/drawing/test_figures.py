"""What stands beside the plain accuracy: on the command line, on the Dashboard, in the preview of Results."""

import math

import pytest

from engine.contract.recipe.schema import Promise
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Finished, Resumed
from tui.commands.accuracy import accuracy_details
from tui.commands.train import describe, final_line, result_of
from tui.dashboard.curves import accuracy_curves
from tui.dashboard.log import log_lines
from tui.dashboard.options import Frame, Options
from tui.dashboard.view import RunView
from tui.drawing.chart_pane import chart_pane
from tui.drawing.figures import expected, extra_accuracies
from tui.drawing.run_columns import Marks
from tui.drawing.run_preview import facts
from tui.screens.preview_reader import Reader

SEEN = Epoch(epoch=3, test_accuracy=0.9, test_loss=0.5, tta="flip", tta_accuracy=0.912, test_top5=0.99)
HALF = ("data.test_slice=first:0.5",)


def text_of(lines):
    return "\n".join("".join(text for text, _ in line) for line in lines)


@pytest.fixture
def judged(make_run):
    """A run on half of the test images whose last epoch has every figure."""
    run = make_run(epochs=2, sets=HALF)
    with EventWriter(run.events) as events:
        events.write(SEEN)
        events.write(Finished(epochs=3, last_accuracy=0.9, best_accuracy=0.9, best_epoch=2, seconds=9.0))
    return run


def test_figures_that_were_not_measured_are_left_out(make_run):
    assert extra_accuracies(None) == extra_accuracies(Epoch(test_accuracy=0.9)) == []
    run = make_run()
    assert accuracy_details(run) == []
    assert "TTA" not in text_of([[(line.text, "")] for line in log_lines(RunView(run).history)])
    assert "with" not in final_line(result_of(run))


def test_each_figure_has_its_name_and_never_takes_the_place_of_the_plain_one(judged):
    assert extra_accuracies(SEEN) == ["flip TTA 91.20", "top-5 99.00"]
    assert accuracy_details(judged) == ["with flip TTA 91.20 %", "with top-5 99.00 %", "on the first 50 % of test"]
    last = final_line(result_of(judged), accuracy_details(judged))
    assert "last 90.00 % with flip TTA 91.20 % with top-5 99.00 % on the first 50 % of test  best-on-test" in last


def test_the_line_of_an_epoch_has_them():
    line = describe(SEEN)
    assert "90.00 %  flip TTA 91.20 %  top-5 99.00 %  lr" in line and "clean" not in line
    assert "clean train 80.00 %" in describe(Epoch(epoch=1, test_accuracy=0.9, clean_train_accuracy=0.8))


def test_the_dashboard_shows_them_where_there_is_room_and_the_part_of_the_test_set_always(judged):
    view = RunView(judged)
    view.poll()
    frames = Frame(110, 9), Frame(50, 9)
    charts = [accuracy_curves(view, None, Options(), frame) for frame in frames]
    wide, narrow = (
        text_of(chart_pane(chart, frame.style(), frame.width, 10)) for chart, frame in zip(charts, frames, strict=True)
    )
    assert "last 90.00 · flip TTA 91.20 · top-5 99.00 · best-on-test 90.00 @ 2" in wide
    assert "accuracy %, first 50 % of test" in wide and "accuracy %, first 50 % of test" in narrow
    assert "last 90.00" in narrow and "TTA" not in narrow
    lines = [line.text for line in log_lines(view.history)]
    assert any("90.00 %  flip TTA 91.20 %" in line for line in lines)
    assert lines[-1].startswith("finished: last 90.00 %, flip TTA 91.20 %, top-5 99.00 %, best-on-test 90.00 % at")


def test_the_preview_of_results_shows_them(judged):
    from engine.contract.run.store import summarize

    reader = Reader()
    shown = text_of(facts(reader.read(summarize(judged)), Marks(), 60))
    assert "flip TTA 91.20 · top-5 99.00 · first 50 % of test" in shown


def test_a_figure_of_an_epoch_discarded_by_a_resume_is_left_out(judged):
    with EventWriter(judged.events) as events:
        events.write(Resumed(epoch=2))
    assert accuracy_details(judged) == ["on the first 50 % of test"]
    assert math.isfinite(result_of(judged)["last_accuracy"])


def test_averaged_weights_have_the_raw_weights_beside_them(make_run):
    run = make_run(epochs=2)
    averaged = Epoch(epoch=3, test_accuracy=0.9, weights="swa", raw_test_accuracy=0.88)
    with EventWriter(run.events) as events:
        events.write(averaged)
        events.write(Finished(epochs=3, last_accuracy=0.9, best_accuracy=0.9, best_epoch=3, weights="swa", seconds=9.0))
    assert "90.00 %  raw weights 88.00 %" in describe(averaged)
    assert "last 90.00 % of SWA weights with raw weights 88.00 %  best" in final_line(
        result_of(run), accuracy_details(run)
    )


def test_a_run_that_ended_before_its_first_test_has_no_accuracy():
    result = {"id": "x", "status": "failed", "reason": "diverged", "epochs": 1, "seconds": 3.0, "best_on": "test"}
    line = final_line(result | {"last_accuracy": None, "best_accuracy": None, "weights": "raw"})
    assert line == "x  failed (diverged)  1 epoch  3.0 s"


@pytest.mark.parametrize(
    ("promise", "text"),
    [
        (Promise(accuracy=0.95, runs=0, source="measured"), "target 95.00, not measured yet"),
        (Promise(accuracy=0.95, runs=3, spread=0.001, source="measured"), "expect 95.00 ±0.10 (n=3, measured)"),
        (Promise(accuracy=0.95, runs=1, source="a paper", selection="best_on_test"), "reported 95.00* by a paper"),
        (
            Promise(
                accuracy=0.93, spread=0.001, runs=3, source="measured", tta="crops", tta_accuracy=0.94, tta_spread=0.002
            ),
            "expect 93.00 ±0.10 (n=3, measured); 94.00 ±0.20 with test-time augmentation (crops)",
        ),
    ],
)
def test_a_promise_is_never_shown_without_its_source(promise, text):
    assert expected(promise) == text
    assert expected(promise, unchanged=False) == f"preset's own figure: {text}"
