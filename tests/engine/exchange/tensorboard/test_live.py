"""Event files that grow while a run is trained, read with TensorBoard's own reader."""

import stat

import pytest

from engine import attempt as trainer
from engine.analysis.history import History
from engine.contract.recipe.schema import Placement
from engine.contract.run.events import Epoch, Finished, Resumed, RunStarted, Stopped
from engine.contract.run.store import create, runs_root
from engine.exchange.tensorboard.event_files import MARK
from engine.exchange.tensorboard.live import mirrored
from tests.engine.exchange.tensorboard.reading import accumulate, curves


@pytest.fixture
def run(small_recipe):
    return create(runs_root(), small_recipe, seed=0)


def event_files(run):
    return sorted(path for path in run.path.iterdir() if MARK in path.name)


def test_the_events_pass_unchanged_and_each_epoch_can_be_read_at_once(run):
    events = [RunStarted(epochs=2, t=1e9, classes=["a", "b"]), Epoch(1, 0.5, per_class=[0.25, 1.0], t=1e9 + 1)]
    passing = mirrored((event for event in [*events, Finished()]), run)
    assert [next(passing), next(passing)] == events
    assert curves(run.path)["Loss/Training"] == [(1, 1e9 + 1, 0.5)]
    assert curves(run.path)["Accuracy per class/b"] == [(1, 1e9 + 1, 1.0)]
    assert [event.KIND for event in passing] == ["finished"]
    (file,) = event_files(run)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_resumed_run_has_no_epoch_twice(run):
    first = [RunStarted(t=1e9), *(Epoch(n, 1 / n, confused=[1, 0, 0, 1], t=1e9 + n) for n in (1, 2, 3)), Stopped()]
    again = [RunStarted(attempt=2, t=2e9), Resumed(epoch=1, t=2e9), Epoch(2, 9.0, t=2e9 + 2), Finished()]
    for attempt in (first, again):
        assert list(mirrored((event for event in attempt), run)) == attempt
    assert len(event_files(run)) == 2
    assert curves(run.path)["Loss/Training"] == [(1, 1e9 + 1, 1.0), (2, 2e9 + 2, 9.0)]


def test_an_attempt_that_breaks_closes_its_file(run):
    def broken():
        yield RunStarted(t=1e9)
        yield Epoch(1, 0.5, t=1e9)
        raise ValueError("broken")

    passing = mirrored(broken(), run)
    with pytest.raises(ValueError, match="broken"):
        list(passing)
    assert curves(run.path)["Loss/Training"] == [(1, 1e9, 0.5)]


@pytest.mark.usefixtures("shapes_ready")
def test_a_run_that_asks_for_it_is_trained_to_the_same_figures(small_recipe):
    runs = [
        create(runs_root(), small_recipe.model_copy(update={"epochs": 1}), seed=1,
               placement=Placement(device="cpu", threads=1, tensorboard=asked))
        for asked in (False, True)
    ]  # fmt: skip
    figures = []
    for run in runs:
        assert trainer.carry_out(run, lambda: False) == 0
        history = History(run.events)
        history.poll()
        figures.append([history.epoch(name).tolist() for name in ("train_loss", "test_loss", "test_accuracy")])
    assert figures[0] == figures[1] and len(figures[0][0]) == 1
    assert event_files(runs[0]) == []
    assert [len(points) for points in curves(runs[1].path).values()] == [1] * len(curves(runs[1].path))
    assert accumulate(runs[1].path).Tags()["images"] == ["Confusion matrix"]
