"""One fold of the events: how far a run has come, how good it is, and what its best epoch was picked on."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.run.course import Course
from engine.contract.run.events import Epoch, Failed, Finished, Resumed, RunStarted


def course(*events) -> Course:
    found = Course()
    for event in events:
        found.take(event)
    return found


def test_nothing_was_told():
    found = course()
    assert (found.epochs, found.epoch, found.planned, found.last, found.best) == ([], 0, 0, None, None)
    assert (found.best_on, found.weights, found.closing, found.phase) == ("test", "raw", None, None)
    assert math.isnan(found.last_accuracy) and math.isnan(found.best_accuracy) and math.isnan(found.epoch_seconds)


def test_epochs_after_the_checkpoint_of_a_resume_are_dropped():
    told = [RunStarted(epochs=5), *(Epoch(epoch=n, test_accuracy=n / 10) for n in (1, 2, 3)), Failed()]
    found = course(*told, RunStarted(epochs=5, attempt=2), Resumed(epoch=1), Epoch(epoch=2, test_accuracy=0.15))
    assert [epoch.test_accuracy for epoch in found.epochs] == [0.1, 0.15]
    assert (found.last_accuracy, found.best_accuracy, found.closing) == (0.15, 0.15, None)
    assert course(*told).closing == told[-1]


@pytest.mark.parametrize("told", [RunStarted(best_on="holdout"), Epoch(epoch=9, holdout_accuracy=0.1)])
def test_the_best_epoch_is_picked_on_the_hold_out_where_there_is_one(told):
    epochs = [Epoch(epoch=n, test_accuracy=t, holdout_accuracy=h) for n, t, h in ((1, 0.9, 0.5), (2, 0.8, 0.7))]
    found = course(told, *epochs)
    assert (found.best_on, found.best, found.best_accuracy) == ("holdout", epochs[1], 0.8)
    assert course(told).best is None, "no epoch was tested on both"


def test_of_equally_good_epochs_the_first_is_the_best():
    assert course(*(Epoch(epoch=n, test_accuracy=0.5) for n in (1, 2))).best.epoch == 1


def test_an_epoch_whose_logits_were_not_finite_is_never_best():
    """Older versions took NaN for the first class and went on; the loss of such a test is NaN."""
    blown = Epoch(epoch=2, test_accuracy=0.7, test_loss=math.nan, per_class=[1.0, 0.4], per_class_count=[5, 5])
    sound = Epoch(epoch=1, test_accuracy=0.6, test_loss=1.0, per_class=[0.5, 0.7], per_class_count=[5, 5])
    assert course(sound, blown).best == sound
    assert course(blown).best is None


def test_the_last_words_stand_where_the_epochs_are_lost():
    found = course(Finished(last_accuracy=0.5, best_accuracy=0.6, weights="ema"))
    assert (found.last_accuracy, found.best_accuracy, found.weights) == (0.5, 0.6, "ema")


def test_how_long_an_epoch_takes_is_that_of_the_last_five():
    took = (100.0, 9.0, 1.0, 3.0, 2.0, 5.0, 4.0)
    epochs = [Epoch(epoch=n, seconds={"train": s, "evaluate": 1.0}) for n, s in enumerate(took, 1)]
    found = course(*epochs, Epoch(epoch=0, seconds={"train": 1e9}))
    assert (found.train_seconds, found.epoch_seconds) == (3.0, 4.0)


def test_a_run_tested_only_at_its_end_has_no_best_epoch():
    told = [RunStarted(epochs=2, best_on=""), Epoch(epoch=1), Epoch(epoch=2, test_accuracy=0.5)]
    assert not course().tested_once and not course(RunStarted()).tested_once
    before = course(*told[:2])
    assert before.tested_once and (before.best_on, before.best, before.last) == ("", None, None)
    assert math.isnan(before.last_accuracy)
    found = course(*told, Finished(last_accuracy=0.5, best_on=""))
    assert (found.best_on, found.best, found.last_accuracy) == ("", None, 0.5)
    assert math.isnan(found.best_accuracy)


_SHARES = st.sampled_from([0.1, 0.5, 0.5, 0.9, math.nan])
_EVENTS = st.one_of(
    st.builds(Epoch, epoch=st.integers(1, 6), test_accuracy=_SHARES, holdout_accuracy=st.just(math.nan) | _SHARES),
    st.builds(Resumed, epoch=st.integers(0, 6)),
    st.builds(RunStarted, epochs=st.just(6), best_on=st.sampled_from(["test", "holdout", ""])),
    st.builds(Finished, last_accuracy=st.just(0.5)),
)


@given(st.lists(_EVENTS, max_size=12))
def test_a_best_epoch_that_was_asked_for_earlier_is_no_longer_the_best_after_a_change(events):
    asked = Course()
    for count, event in enumerate(events, 1):
        asked.take(event)
        fresh = course(*events[:count])
        assert (asked.best_on, asked.best) == (fresh.best_on, fresh.best)


def test_the_best_epoch_is_selected_once_however_often_it_is_asked_for(monkeypatch):
    selected = []
    found = course(*(Epoch(epoch=n, test_accuracy=n / 10) for n in (1, 2)))
    select = Course._select
    monkeypatch.setattr(Course, "_select", lambda one: selected.append(one) or select(one))
    assert {found.best.epoch for _ in range(9)} == {2} and found.best_on == "test" and found.best_accuracy == 0.2
    assert len(selected) == 1
    found.take(Epoch(epoch=3, test_accuracy=0.9))
    assert found.best.epoch == 3 and len(selected) == 2
