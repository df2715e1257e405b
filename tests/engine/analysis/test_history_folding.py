"""Folding events into a history: idempotent, incremental, equal to a replay, and safe on damaged files."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.history import History
from engine.analysis.rows import STEP_NAMES
from engine.contract.run.event_file import EventReader, encode
from engine.contract.run.events import (
    Checkpoint,
    Epoch,
    Failed,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
)
from tests.engine.analysis.histories import folded, say, state

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
