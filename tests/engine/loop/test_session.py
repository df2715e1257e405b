"""The state of one attempt: where it stands, what it reports, what it saves and restores."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.home import Home
from engine.contract.run import predictions
from engine.contract.run.checkpoints import committed, drop_state
from engine.contract.run.events import Epoch, Message, Resumed
from engine.loop.checkpoint import Checkpoints
from engine.loop.observe import Diverged
from engine.loop.session import Session
from engine.loop.setup import prepare
from engine.schedules import plan
from engine.train import train_step
from tests.engine.conftest import CPU


@pytest.fixture
def open_session(tmp_path) -> Any:
    """Opens sessions of a trial in one folder, so that a later one finds the checkpoints of an earlier one."""
    opened = []

    def open_session(trial: Any, stopping: Callable[[], bool] = lambda: False) -> Session:
        options = {"seed": trial.seed, "device": CPU, "threads": 1, "parts": trial.parts}
        setup = prepare(trial.recipe, trial.data, tmp_path / "probe.json", **options)
        identity = {"recipe_id": trial.recipe.recipe_id, "seed": trial.seed}
        checkpoints = Checkpoints(Home(tmp_path), identity=identity, made_on=asdict(setup.decisions))
        opened.append(checkpoints)
        return Session(trial.recipe, trial.data, setup, checkpoints, seed=trial.seed, stopping=stopping)

    yield open_session
    for checkpoints in opened:
        checkpoints.close()


def take_steps(session: Session, steps: int) -> None:
    """Train on the first images of the training set, as the loop does it."""
    session.setup.model.train()
    session.totals.start()
    for _ in range(steps):
        setup = session.setup
        x, y = setup.augmented(setup.train.images[:64], setup.train.labels[:64], session.epoch, session.step)
        loss, logits, _ = train_step(setup, x, y, accumulate=1, clip_norm=0.0)
        setup.averaging.update()
        session.totals.add(loss, logits, y)
        session.step += 1


def saved(session: Session, why: str = "stop") -> Session:
    session.save(why)
    session.checkpoints.written(wait=True)
    return session


def test_the_schedule_runs_over_all_epochs(make, open_session):
    trial = make(epochs=3, schedule="cosine")
    session = open_session(trial)
    session.epoch = 1
    expected = plan(trial.recipe.schedule, 3, trial.parts)
    assert [session.scheduled(step) for step in range(5)] == [expected((1 + step / 5) / 3) for step in range(5)]
    assert session.scheduled(4).factor == pytest.approx((1 + math.cos(math.pi * (1 + 4 / 5) / 3)) / 2)


def test_an_epoch_ends_with_its_figures_and_the_next_one_begins_empty(make, open_session):
    session = open_session(make())
    take_steps(session, 5)
    loss, hits = (session.totals.sums / 320).tolist()
    event = session.end_epoch()
    assert isinstance(event, Epoch)
    assert (event.epoch, event.train_loss, event.train_accuracy) == (1, loss, hits)
    assert event.lr == pytest.approx(0.05 * plan(make().recipe.schedule, 3)(4 / 15).factor)
    assert 0 <= event.test_accuracy <= 1 and set(event.seconds) == {"train", "evaluate", "save"}
    assert (session.epoch, session.step, session.totals.images) == (1, 0, 0)


def test_a_stop_during_the_evaluation_leaves_the_epoch_to_be_evaluated_later(make, open_session):
    stop = []
    session = open_session(make(), stopping=lambda: bool(stop))
    take_steps(session, 5)
    stop.append(True)
    assert session.end_epoch() is None
    assert (session.epoch, session.step, session.totals.images) == (0, 5, 320)
    stop.clear()
    event = session.end_epoch()
    assert event is not None and event.epoch == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_epoch_whose_loss_is_not_finite_has_diverged(make, open_session, value):
    session = open_session(make())
    take_steps(session, 5)
    session.totals.sums[0] = value
    with pytest.raises(Diverged, match=rf"the loss became {value} in epoch 1, step 5"):
        session.end_epoch()


def test_a_second_session_continues_where_the_first_one_saved(make, open_session):
    trial = make(model="dropout_net", averaging="ema", optimizer="adamw")
    first = open_session(trial)
    take_steps(first, 3)
    random = torch.get_rng_state()
    saved(first)
    second = open_session(trial)
    (resumed,) = second.restore(attempt=2)
    assert resumed == replace(resumed, epoch=0, step=3, exact=True, why="")
    assert (second.epoch, second.step, second.totals.images) == (0, 3, 192)
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(second.totals.sums, first.totals.sums)
    for mine, theirs in (
        (first.setup.model, second.setup.model),
        (first.setup.averaging.model, second.setup.averaging.model),
    ):
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())


def test_the_best_epoch_and_its_weights_survive_a_restart(make, open_session):
    trial = make(epochs=2)
    first = open_session(trial)
    take_steps(first, 5)
    accuracy = first.end_epoch().test_accuracy
    weights = {name: value.clone() for name, value in first.setup.model.state_dict().items()}
    saved(first)
    second = open_session(trial)
    list(second.restore(attempt=2))
    second.setup.model.load_state_dict({name: torch.zeros_like(value) for name, value in weights.items()})
    second.step = 5
    second.totals.sums[0] = 1.0
    assert second.end_epoch().test_accuracy <= accuracy  # all logits equal: as good as chance
    finished = second.results.finished(second.epoch)
    assert (finished.best_epoch, finished.best_accuracy) == (1, accuracy)
    saved(second, "end")
    best = second.checkpoints.load()[0].best
    assert best["epoch"] == 1 and all(torch.equal(best["model"][name], value) for name, value in weights.items())


@pytest.mark.parametrize(("attempt", "events"), [(1, 0), (2, 1)])
def test_without_a_checkpoint_a_later_attempt_says_that_it_started_over(make, open_session, attempt, events):
    found = list(open_session(make()).restore(attempt))
    assert len(found) == events
    assert all(isinstance(event, Resumed) and event.why == "no intact checkpoint: started over" for event in found)


def test_a_checkpoint_without_its_state_cannot_be_resumed_from(make, open_session, tmp_path):
    trial = make()
    first = open_session(trial)
    take_steps(first, 2)
    saved(first)
    (path,) = committed(tmp_path / "checkpoints")
    drop_state(path)
    with pytest.raises(BadInput, match=f"checkpoint {path.name} holds only weights: training cannot resume from it"):
        list(open_session(trial).restore(attempt=2))


def test_warnings_are_reported_once(make, open_session):
    session = open_session(make())
    session.setup.warnings += ["one", "two"]
    assert [(event.level, event.text) for event in session.warnings()] == [("warning", "one"), ("warning", "two")]
    assert list(session.warnings()) == []
    session.setup.warnings.append("three")
    assert [event.text for event in session.warnings() if isinstance(event, Message)] == ["three"]


def test_predictions_are_written_from_the_first_evaluation_on(make, open_session, tmp_path, tiny):
    session, path = open_session(make()), tmp_path / "predictions.npz"
    session.results.write_predictions(path)
    assert not path.exists()
    take_steps(session, 5)
    accuracy = session.end_epoch().test_accuracy
    session.results.write_predictions(path)
    found = predictions.read(path)
    assert (found.last_epoch, found.best_epoch, found.weights, found.data) == (1, 1, "raw", tiny.fingerprint)
    assert (found.last.argmax(1) == tiny.test.labels.numpy()).mean() == accuracy
