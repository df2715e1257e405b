"""The fold behind listings, which skips most lines, against a course that is given every event of the file."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.run.course import Course
from engine.contract.run.event_file import EventReader, EventWriter, encode
from engine.contract.run.events import (
    Epoch,
    Failed,
    Finished,
    Message,
    Phase,
    Resumed,
    RunStarted,
    Step,
    Stopped,
    System,
)
from engine.contract.run.fold import RunFold

epochs = st.integers(1, 5)
shares = st.floats(0, 1)
when = {"t": st.floats(1e9, 1.001e9), "worked": st.floats(0, 1e4) | st.just(float("nan"))}
an_event = st.one_of(
    st.builds(RunStarted, epochs=st.just(5), **when),
    st.builds(Phase, name=st.sampled_from(["queued", "training", "saving"]), **when),
    st.builds(Step, epoch=epochs, step=st.integers(1, 9), loss=shares, **when),
    st.builds(Epoch, epoch=epochs, test_accuracy=shares, **when),
    st.builds(System, cpu=shares, **when),
    st.builds(Message, text=st.text(max_size=5), **when),
    st.builds(Resumed, epoch=epochs, **when),
    st.builds(Stopped, epoch=epochs, **when),
    st.builds(Failed, reason=st.just("diverged"), **when),
    st.builds(Finished, epochs=st.just(5), last_accuracy=shares, **when),
)


def facts(course: Course) -> tuple[object, ...]:
    told = (course.begun, course.started, course.phase, course.closing, course.resumes, course.epochs, course.epoch)
    return tuple(map(repr, (*told, course.last_accuracy, course.best, course.best_on, course.weights)))


@settings(max_examples=80)
@given(st.lists(an_event, max_size=25), st.integers(0, 25))
def test_it_tells_what_a_course_of_all_events_tells(tmp_path_factory, events, cut):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    growing = RunFold(path)
    for part in (events[:cut], events[cut:]):
        with path.open("a") as file:
            file.write("".join(encode(event) + "\n" for event in part))
        growing.poll()
    whole = Course()
    for event in EventReader(path).poll():
        whole.take(event)
    assert facts(growing.course) == facts(RunFold(path).poll().course) == facts(whole)
    assert growing.garbage == 0


@pytest.mark.parametrize("pause", [0.0, 3600.0])
def test_the_working_time_is_that_of_every_line(tmp_path: Path, pause: float):
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        for attempt in range(2):
            start = 1e9 + attempt * (100 + pause)
            writer.write(RunStarted(epochs=2, t=start, worked=0.0))
            for step in range(1, 100):
                writer.write(Step(epoch=1, step=step, t=start + step, worked=float(step)))
    whole = Course()
    for event in EventReader(path).poll():
        whole.take(event)
    assert RunFold(path).poll().seconds == whole.work.seconds == 198.0


def test_the_end_of_the_file_is_enough_for_the_phase_and_the_closing_event(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        writer.write(RunStarted(epochs=2))
        for step in range(1, 2000):
            writer.write(Step(epoch=1, step=step))
        writer.write(Phase("saving"))
        writer.write(Stopped(epoch=1))
    course = RunFold(path).poll_tail().course
    assert (course.phase.name, type(course.closing), course.started) == ("saving", Stopped, None)


def test_damage_is_counted_where_it_is_looked_at(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "epoch", "epoch": 1, "lr": "x"}\nnot json\n{"event": "step", "epoch": "bad"}\n')
    fold = RunFold(path).poll()
    assert fold.garbage == 2 and fold.course.epoch == 1


def test_fields_that_are_left_out_are_checked_but_not_kept(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    sound = Epoch(
        epoch=1, t=5.0, test_accuracy=0.5, per_class=[0.25, 0.75], confused=[1, 3, 1, 3], seconds={"train": 9.0}
    )
    bad = encode(Epoch(epoch=2, per_class=[0.25])).replace("[0.25]", "[25]")
    path.write_text(f"{encode(sound)}\n{bad}\n")
    whole, slim = RunFold(path).poll(), RunFold(path, ("per_class", "confused")).poll()
    assert whole.garbage == slim.garbage == 1
    assert repr(slim.course.epochs) == repr(
        [replace(epoch, per_class=[], confused=[]) for epoch in whole.course.epochs]
    )
    assert whole.course.epochs[0] == sound


def test_a_replaced_file_begins_a_new_course(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text(encode(Epoch(epoch=3)) + "\n" + encode(Epoch(epoch=4)) + "\n")
    fold = RunFold(path).poll()
    path.write_text(encode(Epoch(epoch=1)) + "\n")
    assert fold.poll().course.epoch == 1
