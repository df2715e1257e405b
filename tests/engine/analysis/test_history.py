"""The course of a run as columns: what is told twice counts once, and what is broken is left out."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.history import History
from engine.analysis.rows import GPU_NAMES, HOST_NAMES, STEP_NAMES
from engine.analysis.series import Series
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    EventReader,
    EventWriter,
    Failed,
    Finished,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
    encode,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def say(path: Path, *events) -> None:
    with EventWriter(path) as writer:
        for event in events:
            writer.write(event)


def folded(path: Path) -> History:
    history = History(path)
    history.poll()
    return history


def state(history: History) -> str:
    """Everything a history says, in a form that compares NaN as equal."""
    return repr(
        (
            [history.step(name).tolist() for name in STEP_NAMES],
            [history.host(name).tolist() for name in HOST_NAMES],
            [[history.gpu(index, name).tolist() for name in GPU_NAMES] for index in history.gpus()],
            history.epochs,
            history.per_class().tolist(),
            history.started,
            history.phase,
            history.closing,
            history.latest,
            history.resumes,
            sorted(map(repr, history.messages)),
            sorted(map(repr, history.checkpoints)),
        )
    )


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
    assert history.gpus() == [1]
    assert history.gpu(1, "power").tolist() == [300] and np.isnan(history.gpu(1, "temperature")).all()
    assert history.gpu(0, "power").tolist() == []
    assert history.latest is not None and history.latest.gpus[0]["others"][0]["user"] == "eve"
    assert history.best is not None and history.best.epoch == 1
    assert history.phase == Phase("training", t=1.5)
    assert isinstance(history.closing, Finished)
    assert [message.text for message in history.messages] == ["hello"]
    assert [checkpoint.file for checkpoint in history.checkpoints] == ["a"]
    assert history.started is not None and history.started.epochs == 2


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


small = st.integers(1, 4)
an_event = st.one_of(
    st.builds(Step, epoch=small, step=small, loss=st.floats(0, 9), t=st.floats(0, 99)),
    st.builds(Epoch, epoch=small, test_accuracy=st.floats(0, 1), t=st.floats(0, 99)),
    st.builds(Resumed, epoch=st.integers(0, 4), step=st.integers(0, 4), t=st.floats(0, 99)),
    st.builds(System, cpu=st.floats(0, 1), t=st.floats(0, 99), gpus=st.just([{"index": 0, "power": 5.0}])),
    st.builds(Message, text=st.sampled_from("ab"), t=st.sampled_from([1.0, 2.0])),
    st.builds(Checkpoint, file=st.sampled_from("ab"), t=st.sampled_from([1.0, 2.0])),
    st.builds(Phase, name=st.sampled_from(["training", "evaluating"]), t=st.floats(0, 99)),
    st.builds(RunStarted, attempt=small, t=st.floats(0, 99)),
    st.builds(Stopped, t=st.floats(0, 99)),
    st.builds(Failed, t=st.floats(0, 99)),
)


@given(st.lists(an_event, max_size=30))
def test_folding_everything_twice_is_folding_it_once(tmp_path_factory, events):
    once, twice = (tmp_path_factory.mktemp("run") / "events.jsonl" for _ in range(2))
    once.touch()
    twice.touch()
    say(once, *events)
    say(twice, *events, *events)
    assert state(folded(once)) == state(folded(twice))


@given(st.lists(an_event, max_size=30), st.data())
def test_an_incremental_fold_equals_one_from_the_start(tmp_path_factory, events, data):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    path.touch()
    history = History(path)
    for event in events:
        say(path, event)
        if data.draw(st.booleans()):
            history.poll()
    history.poll()
    assert state(history) == state(folded(path))


@given(st.lists(an_event, max_size=30))
def test_epochs_and_steps_equal_a_plain_replay(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    path.touch()
    say(path, *events)
    epochs: dict[int, Epoch] = {}
    steps: dict[tuple[int, int], Step] = {}
    for event in EventReader(path).poll():
        match event:
            case Epoch():
                epochs[event.epoch] = event
            case Step():
                here = (event.epoch, event.step)
                steps = {place: step for place, step in steps.items() if place < here} | {here: event}
            case Resumed():
                epochs = {number: epoch for number, epoch in epochs.items() if number <= event.epoch}
                last = (event.epoch + 1, event.step)
                steps = {place: step for place, step in steps.items() if place <= last}
    history = folded(path)
    assert repr(history.epochs) == repr([epochs[number] for number in sorted(epochs)])
    assert history.step("loss").tolist() == [step.loss for step in steps.values()]


values = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
    st.sampled_from(["nan", "inf", "-inf", 1e400, 10**400]),
)  # fmt: skip


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
            st.fixed_dictionaries(
                {"event": st.sampled_from(["step", "epoch", "system", "resumed", "run_started", "message"])},
                optional=dict.fromkeys(("t", "epoch", "step", "loss", "gpus", "per_class", "classes"), values),
            ).map(lambda table: json.dumps(table).encode()),
        ),
        max_size=12,
    )
)
def test_whatever_a_file_holds_it_folds_and_every_column_has_the_same_length(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    history = folded(path)
    assert len({len(history.step(name)) for name in STEP_NAMES}) == 1
    place = history.step("epoch") * 1e9 + history.step("step")
    assert (np.diff(place) > 0).all()
    assert (np.diff(history.host("t")) > 0).all()
    assert len(history.position()) == len(place)
    assert len(history.per_class()) == len(history.epochs)


def test_a_damaged_step_among_good_ones_costs_only_itself(path):
    good = [encode(Step(t=1.0, epoch=1, step=number, loss=0.5)) for number in range(1, 6)]
    bad = [
        '{"event": "step", "epoch": 1, "step": "x"}',
        '{"event": "step", "epoch": 1, "step": 9, "loss": [1]}',
        '{"event": "step", "epoch": 1, "step": 9, "loss": ' + "9" * 400 + "}",
        '{"event": "step", "epoch": -1, "step": 9}',
        '{"event": "step", "epoch": 1, "step": 1.5}',
        '{"event": "step", "epoch": 10000000, "step": 1}',
        '{"event": "step", "epo',
    ]
    path.write_text("\n".join([*good[:3], *bad, *good[3:]]) + "\n")
    history = folded(path)
    assert history.step("step").tolist() == [1, 2, 3, 4, 5]
    assert history.garbage == len(bad)


def test_a_file_that_was_replaced_begins_a_new_history(path):
    say(path, Step(epoch=1, step=1), Step(epoch=2, step=1), Epoch(epoch=1))
    history = folded(path)
    other = path.with_name("other")
    say(other, Step(epoch=1, step=7))
    other.replace(path)
    history.poll()
    assert history.step("step").tolist() == [7] and history.epochs == []


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


rows = st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), max_size=60)


@given(st.lists(rows, max_size=5))
def test_a_series_is_what_cutting_and_appending_one_by_one_gives(parts):
    series, plain = Series(("value",)), []
    for part in parts:
        keys = np.array([key for key, _ in part], dtype=np.float64)
        series.extend(keys, np.array([[value] for _, value in part]).reshape(-1, 1))
        for key, value in part:
            plain = [row for row in plain if row[0] < key] + [(key, value)]
    assert series.column("value").tolist() == [value for _, value in plain]
    assert len(series) == len(plain)


def test_a_series_grows_far_beyond_its_first_size():
    series = Series(("value",))
    for start in range(0, 5000, 50):
        keys = np.arange(start, start + 50, dtype=np.float64)
        series.extend(keys, keys[:, None])
    assert series.column("value").tolist() == list(range(5000))
