"""The course of a run as columns: what is told twice counts once, and what is broken is left out."""

import math

import numpy as np
import pytest

from engine.analysis.history import History
from engine.analysis.rows import STEP_NAMES
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Finished,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
)
from tests.engine.analysis.histories import folded, say, state


def test_a_run_becomes_columns(path):
    gpu = {"index": 1, "uuid": "GPU-1", "utilization": 0.9, "power": 300, "others": [{"user": "eve", "bytes": 5}]}
    say(
        path,
        RunStarted(t=1.0, epochs=2, steps_per_epoch=2, classes=["cat", "dog"]),
        Phase("training", t=1.5),
        Step(t=2.0, epoch=1, step=1, loss=2.5, lr=0.1, images_per_second=100.0),
        System(t=2.5, cpu=0.5, gpus=[gpu]),
        Step(t=3.0, epoch=1, step=2, loss=2.0, lr=0.2, images_per_second=110.0),
        Epoch(t=3.5, epoch=1, test_accuracy=0.5, per_class=[0.4, 0.6], lr=0.2),
        Checkpoint(t=3.6, epoch=1, file="a"),
        Message(t=3.7, text="hello"),
        Step(t=4.0, epoch=2, step=1, loss=math.nan, lr=0.1),
        Epoch(t=5.5, epoch=2, test_accuracy=0.45),
        Finished(t=6.0, epochs=2),
    )
    history = folded(path)
    assert history.step("loss")[:2].tolist() == [2.5, 2.0] and math.isnan(history.step("loss")[2])
    assert history.step("lr").tolist() == [0.1, 0.2, 0.1]
    assert history.position().tolist() == [0.5, 1.0, 1.5]
    assert history.epoch("epoch").tolist() == [1, 2]
    assert history.epoch("test_accuracy").tolist() == [0.5, 0.45]
    assert history.per_class()[0].tolist() == [0.4, 0.6] and np.isnan(history.per_class()[1]).all()
    assert history.host("cpu").tolist() == [0.5]
    assert history.gpus() == [(0, 1)]
    assert history.gpu((0, 1), "power").tolist() == [300] and np.isnan(history.gpu((0, 1), "temperature")).all()
    assert history.gpu((0, 0), "power").tolist() == []
    assert history.latest is not None and history.latest.gpus[0]["others"][0]["user"] == "eve"
    assert history.best is not None and history.best.epoch == 1
    assert history.phase == Phase("training", t=1.5)
    assert isinstance(history.closing, Finished)
    assert [message.text for message in history.messages] == ["hello"]
    assert [checkpoint.file for checkpoint in history.checkpoints] == ["a"]
    assert history.started is not None and history.started.epochs == 2


def test_gpus_of_several_nodes_with_the_same_index_are_told_apart(path):
    cards = [{"node": node, "index": 0, "power": 100.0 + node, "memory_ours": 5.0} for node in (0, 1)]
    say(path, System(t=1.0, gpus=cards[:1]), System(t=3.0, gpus=cards))
    history = folded(path)
    assert history.gpus() == [(0, 0), (1, 0)]
    assert [history.gpu(card, "power").tolist() for card in history.gpus()] == [[100.0, 100.0], [101.0]]


def test_a_run_that_has_not_begun_has_empty_columns(path):
    history = folded(path)
    assert [len(history.step(name)) for name in STEP_NAMES] == [0] * 6
    assert (len(history.position()), len(history.epoch("lr")), history.per_class().shape) == (0, 0, (0, 0))
    assert (history.best, history.latest, history.started, history.gpus()) == (None, None, None, [])
    assert not history.poll()


def test_the_version_moves_only_when_something_was_told(path):
    history = History(path)
    assert not history.poll()
    before = history.version
    say(path, Step(epoch=1, step=1))
    assert history.poll() and history.version > before
    assert not history.poll()


def test_an_epoch_told_again_after_a_crash_replaces_itself(path):
    say(
        path,
        *(Step(t=10.0 * e + s, epoch=e, step=s, loss=1.0) for e in (1, 2, 3) for s in (1, 2, 3)),
        *(Epoch(epoch=e, test_accuracy=e / 10) for e in (1, 2, 3)),
        RunStarted(attempt=2, epochs=5),
        *(Step(t=100.0 + s, epoch=3, step=s, loss=2.0) for s in (1, 2)),
        Epoch(epoch=3, test_accuracy=0.35),
    )
    history = folded(path)
    assert history.epoch("test_accuracy").tolist() == [0.1, 0.2, 0.35]
    assert history.step("epoch").tolist() == [1, 1, 1, 2, 2, 2, 3, 3]
    assert history.step("loss").tolist() == [1.0] * 6 + [2.0] * 2


@pytest.mark.parametrize(
    ("resumed", "epochs", "steps"),
    [
        (Resumed(epoch=2), [1, 2], [(1, 1), (1, 2), (2, 1), (2, 2)]),
        (Resumed(epoch=2, step=1), [1, 2], [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]),
        (Resumed(epoch=0), [], []),
        (Resumed(epoch=9), [1, 2, 3], [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]),
    ],
)
def test_what_lies_behind_a_resume_is_dropped(path, resumed, epochs, steps):
    say(path, *(Step(epoch=e, step=s) for e in (1, 2, 3) for s in (1, 2)), *(Epoch(epoch=e) for e in (1, 2, 3)))
    history = folded(path)
    say(path, Stopped(), resumed)
    history.poll()
    assert [epoch.epoch for epoch in history.epochs] == epochs
    assert list(zip(history.step("epoch"), history.step("step"), strict=True)) == steps
    assert history.closing is None
    assert history.resumes == [resumed]


def test_the_best_epoch_is_chosen_on_the_hold_out_when_there_is_one(path):
    say(
        path,
        Epoch(epoch=1, test_accuracy=0.9, holdout_accuracy=0.1),
        Epoch(epoch=2, test_accuracy=0.1, holdout_accuracy=0.9),
        Epoch(epoch=3),
    )
    best = folded(path).best
    assert best is not None and best.epoch == 2


def test_the_tail_shows_the_end_of_a_long_run_and_how_it_began(path):
    start = RunStarted(t=0.0, epochs=500, steps_per_epoch=10, classes=["a"])
    events = [Step(t=float(e), epoch=e, step=10, loss=1 / e) for e in range(1, 401)]
    say(path, start, *events, Epoch(t=500.0, epoch=400, test_accuracy=0.9))
    tail = History.tail(path, 4000)
    assert tail.partial and tail.started == start
    assert 10 < len(tail.step("loss")) < 400
    assert tail.step("loss").tolist() == folded(path).step("loss")[-len(tail.step("loss")) :].tolist()
    assert tail.epoch("epoch").tolist() == [400]
    say(path, Epoch(t=501.0, epoch=401))
    tail.poll()
    assert tail.epoch("epoch").tolist() == [400, 401]
    complete = History.tail(path, 10**9)
    assert not complete.partial and state(complete) == state(folded(path))
    assert state(History.tail(path.with_name("missing"))) == state(History(path.with_name("missing")))


def test_columns_cannot_be_changed_by_who_looks_at_them(path):
    say(path, Step(epoch=1, step=1, loss=0.5))
    history = folded(path)
    with pytest.raises(ValueError, match="read-only"):
        history.step("loss")[0] = 1.0
    say(path, Step(epoch=1, step=2, loss=0.25))
    history.poll()
    assert history.step("loss").tolist() == [0.5, 0.25]


def test_messages_are_capped_at_the_newest(path):
    say(path, *(Message(t=float(number), text="x") for number in range(1100)))
    messages = folded(path).messages
    assert len(messages) == 1000 and messages[-1].t == 1099.0
